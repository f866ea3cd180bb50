//! The source of a rule.

use std::fmt;

use super::Citation;

impl Citation {
    /// A whole document, in the edition of `year`.
    pub fn new(title: impl Into<String>, year: u16) -> Self {
        Self { title: title.into(), section: None, year, url: None }
    }

    /// Restricts it to a section, table or page.
    #[must_use]
    pub fn section(mut self, section: impl Into<String>) -> Self {
        self.section = Some(section.into());
        self
    }

    /// Sets the DOI or URL.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }
}

impl fmt::Display for Citation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.title)?;
        if let Some(section) = &self.section {
            write!(f, ", {section}")?;
        }
        write!(f, " ({})", self.year)
    }
}
