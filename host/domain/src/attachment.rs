//! Media types of attachments: a closed list, detected by the first bytes, not by the declared
//! type.

use thiserror::Error;

use crate::code::Code;

/// A supported media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Media {
    Jpeg,
    Png,
    Webp,
    Pdf,
    Mp3,
    M4a,
    Wav,
    Dicom,
}

/// Why an attachment is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MediaError {
    /// The type is not supported.
    #[error("`{0}` is not taken: send JPEG, PNG, WebP, PDF, MP3, M4A, WAV or DICOM")]
    Unknown(String),
    /// The bytes are of another type, or of an unsupported one.
    #[error("the bytes are not {0}")]
    Differs(&'static str),
}

impl MediaError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        Code::BlobType
    }
}

impl Media {
    /// All supported types.
    pub const ALL: [Self; 8] =
        [Self::Jpeg, Self::Png, Self::Webp, Self::Pdf, Self::Mp3, Self::M4a, Self::Wav, Self::Dicom];

    /// The media type, as in `Content-Type`.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Mp3 => "audio/mpeg",
            Self::M4a => "audio/mp4",
            Self::Wav => "audio/wav",
            Self::Dicom => "application/dicom",
        }
    }

    /// The file name extension.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Pdf => "pdf",
            Self::Mp3 => "mp3",
            Self::M4a => "m4a",
            Self::Wav => "wav",
            Self::Dicom => "dcm",
        }
    }

    /// Whether it is an image that a conversation can show.
    pub const fn is_image(self) -> bool {
        matches!(self, Self::Jpeg | Self::Png | Self::Webp)
    }

    /// From a media type, with or without parameters.
    pub fn named(content_type: &str) -> Option<Self> {
        let bare = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let usual = match bare.as_str() {
            "image/jpg" => "image/jpeg",
            "audio/mp3" => "audio/mpeg",
            "audio/m4a" | "audio/x-m4a" => "audio/mp4",
            "audio/wave" | "audio/x-wav" | "audio/vnd.wave" => "audio/wav",
            bare => bare,
        };
        Self::ALL.into_iter().find(|media| media.content_type() == usual)
    }

    /// Detects the type from the first bytes.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let at = |place: usize, mark: &[u8]| bytes.get(place..).is_some_and(|rest| rest.starts_with(mark));
        // A frame of MPEG audio layer III, of any valid bit rate.
        let frame = matches!(bytes, [0xff, second, third, ..] if second & 0xe6 == 0xe2 && third & 0xf0 != 0xf0);
        Some(match () {
            () if at(0, b"\xff\xd8\xff") => Self::Jpeg,
            () if at(0, b"\x89PNG\r\n\x1a\n") => Self::Png,
            () if at(0, b"RIFF") && at(8, b"WEBP") => Self::Webp,
            () if at(0, b"RIFF") && at(8, b"WAVE") => Self::Wav,
            () if at(0, b"%PDF-") => Self::Pdf,
            () if at(4, b"ftyp") && [b"M4A ", b"M4B ", b"mp42", b"mp41", b"isom"].iter().any(|brand| at(8, *brand)) => {
                Self::M4a
            }
            () if at(128, b"DICM") => Self::Dicom,
            () if at(0, b"ID3") || frame => Self::Mp3,
            () => return None,
        })
    }

    /// The media type, if declared and detected type agree.
    ///
    /// # Errors
    /// If it is not supported, or they differ.
    pub fn check(content_type: &str, bytes: &[u8]) -> Result<Self, MediaError> {
        let named =
            Self::named(content_type).ok_or_else(|| MediaError::Unknown(content_type.chars().take(64).collect()))?;
        if Self::of(bytes) == Some(named) { Ok(named) } else { Err(MediaError::Differs(named.content_type())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dicom() -> Vec<u8> {
        [[0; 128].as_slice(), b"DICM\x02\x00"].concat()
    }

    #[test]
    fn each_is_told_by_its_first_bytes_and_by_no_others() {
        let dicom = dicom();
        let samples: [(Media, &[u8]); 10] = [
            (Media::Jpeg, b"\xff\xd8\xff\xe0\0\x10JFIF"),
            (Media::Png, b"\x89PNG\r\n\x1a\n\0\0"),
            (Media::Webp, b"RIFF\x10\0\0\0WEBPVP8 "),
            (Media::Pdf, b"%PDF-1.7\n"),
            (Media::Mp3, b"ID3\x04\0"),
            (Media::Mp3, b"\xff\xfb\x90\x64"),
            (Media::M4a, b"\0\0\0\x20ftypM4A \0\0"),
            (Media::M4a, b"\0\0\0\x20ftypmp42\0\0"),
            (Media::Wav, b"RIFF\x10\0\0\0WAVEfmt "),
            (Media::Dicom, &dicom),
        ];
        for (media, bytes) in samples {
            for declared in Media::ALL {
                let checked = Media::check(declared.content_type(), bytes);
                assert_eq!(checked.is_ok(), declared == media, "{media:?} as {declared:?}");
            }
            for length in 0..bytes.len().min(3) {
                assert_eq!(Media::of(&bytes[..length]), None, "{media:?} cut to {length}");
            }
        }
        for other in [b"<html>".as_slice(), b"MZ\x90\0", b"PK\x03\x04", b"<svg xmlns", b"\0\0\0\x20ftypqt  ", b"GIF89a"]
        {
            assert_eq!(Media::of(other), None);
        }
    }

    #[test]
    fn names_are_those_that_senders_use() {
        assert_eq!(Media::named("Image/JPEG; q=1"), Some(Media::Jpeg));
        assert_eq!(Media::named("audio/x-m4a"), Some(Media::M4a));
        for other in ["text/html", "image/svg+xml", "application/octet-stream", ""] {
            assert_eq!(Media::named(other), None, "{other}");
            assert_eq!(Media::check(other, b"%PDF-1.7").map_err(|e| e.code()), Err(Code::BlobType));
        }
    }
}
