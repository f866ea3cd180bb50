//! Bodies that are files.

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::{fs::File, io::AsyncReadExt as _};

/// How much of a file is read at once.
const PIECE: usize = 64 << 10;

/// A file, piece by piece.
pub fn streamed(file: File) -> Body {
    let pieces = stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let length = file.read(&mut piece).await?;
        piece.truncate(length);
        Ok::<_, std::io::Error>((length > 0).then(|| (Bytes::from(piece), file)))
    });
    Body::from_stream(pieces)
}
