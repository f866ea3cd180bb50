//! Bodies that are files.

use axum::body::Body;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

/// How much of a file is read at once, in bytes.
const PIECE: usize = 64 << 10;

/// A file, piece by piece.
pub fn streamed(file: File) -> Body {
    Body::from_stream(ReaderStream::with_capacity(file, PIECE))
}
