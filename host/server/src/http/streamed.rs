//! Bodies streamed from files.

use axum::body::Body;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

/// Bytes read at once.
const PIECE: usize = 64 << 10;

/// A file, in chunks.
pub fn streamed(file: File) -> Body {
    Body::from_stream(ReaderStream::with_capacity(file, PIECE))
}
