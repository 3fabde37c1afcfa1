//! Checks delta-encoded pages before they are decoded: they repeat their number of values inside, and the library
//! allocates memory for that many.

use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::RowGroupReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

/// A row group whose pages are checked.
pub struct Checked<G>(pub G);

impl<G: RowGroupReader> RowGroupReader for Checked<G> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.0.metadata()
    }

    fn num_columns(&self) -> usize {
        self.0.num_columns()
    }

    fn get_column_page_reader(&self, i: usize) -> Result<Box<dyn PageReader>> {
        let column = self.metadata().column(i).column_descr();
        let levels = usize::from(column.max_rep_level() > 0) + usize::from(column.max_def_level() > 0);
        Ok(Box::new(Pages { pages: self.0.get_column_page_reader(i)?, levels }))
    }

    fn get_column_bloom_filter(&self, i: usize) -> Option<&Sbbf> {
        self.0.get_column_bloom_filter(i)
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

struct Pages {
    pages: Box<dyn PageReader>,
    /// Number of streams of levels before the values.
    levels: usize,
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        match &page {
            Some(page) if !is_sound(page, self.levels) => {
                Err(ParquetError::General("number of values in a page differs from its header".into()))
            }
            _ => Ok(page),
        }
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

fn is_sound(page: &Page, levels: usize) -> bool {
    let (values, at) = match page {
        Page::DataPage { buf, .. } => (buf, (0..levels).try_fold(0, |at, _| after_levels(buf, at))),
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            (buf, (*def_levels_byte_len as usize).checked_add(*rep_levels_byte_len as usize))
        }
        Page::DictionaryPage { .. } => return true,
    };
    let most = u64::from(page.num_values());
    // The lengths of prefixes, followed by those of the suffixes.
    let streams = match page.encoding() {
        Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => return true,
    };
    at.and_then(|at| (0..streams).try_fold(at, |at, _| after_numbers(values, at, most))).is_some()
}

/// Returns the end of the levels that begin here.
fn after_levels(buffer: &[u8], at: usize) -> Option<usize> {
    let length = buffer.get(at..)?.first_chunk::<4>()?;
    at.checked_add(4)?.checked_add(u32::from_le_bytes(*length) as usize)
}

/// Returns the end of the numbers that begin here, if there are no more of them than this.
fn after_numbers(buffer: &[u8], mut at: usize, most: u64) -> Option<usize> {
    let number = |at: &mut usize| {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *buffer.get(*at)?;
            *at += 1;
            value |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Some(value);
            }
        }
        None
    };
    let (block, minis, count) = (number(&mut at)?, number(&mut at)?, number(&mut at)?);
    number(&mut at)?; // the first of them
    if count > most || minis == 0 || minis > buffer.len() as u64 || block % minis != 0 || block > 1 << 20 {
        return None;
    }
    let (mini, mut left) = (block / minis, count.saturating_sub(1));
    while left > 0 {
        number(&mut at)?; // the smallest difference
        let widths = at..at + minis as usize;
        at = widths.end;
        for width in buffer.get(widths)? {
            if left > 0 {
                at += (mini * u64::from(*width) / 8) as usize;
                left = left.saturating_sub(mini.max(1));
            }
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use parquet::file::properties::WriterVersion::{PARQUET_1_0, PARQUET_2_0};

    use super::*;
    use crate::parquet::tests::{read, written};

    #[test]
    fn counts_of_delta_encoded_values() {
        // Blocks of 128 in 4 pieces; three numbers, the first and two differences in a byte each.
        let sound = [&[128, 1, 4, 3, 2, 0, 8, 0, 0, 0][..], &[1; 32]].concat();
        assert_eq!(after_numbers(&sound, 0, 3), Some(sound.len()));
        assert_eq!(after_numbers(&sound, 0, 2), None);
        // Two thousand million numbers in a few bytes.
        assert_eq!(after_numbers(&[128, 1, 4, 255, 255, 255, 255, 7, 0], 0, 10), None);
        assert_eq!(after_numbers(&[128, 1, 0, 3, 2, 0], 0, 10), None);
        assert_eq!(after_numbers(&sound[..6], 0, 3), None);
        assert_eq!(after_levels(&[2, 0, 0, 0, 9, 9], 0), Some(6));
        assert_eq!(after_levels(&[2, 0, 0], 0), None);
    }

    #[test]
    fn what_the_library_writes_is_sound() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.parquet");
        for encoding in [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY, Encoding::PLAIN] {
            for version in [PARQUET_1_0, PARQUET_2_0] {
                assert_eq!(
                    read(&path, &written(Some(encoding), version)).unwrap(),
                    6,
                    "{encoding} {version:?}"
                );
            }
        }
    }
}
