//! Which files are meant.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// The files that arguments name: themselves, those below directories with one of the endings (perhaps followed by that
/// of a packed file), and those that match patterns; in order, each once.
pub fn expand(arguments: &[String], endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = BTreeSet::new();
    for argument in arguments {
        let path = Path::new(argument);
        let at = |e: &dyn std::fmt::Display| Failure::usage(e).at(argument);
        let before = files.len();
        if path.is_dir() {
            below(path, endings, &mut files).map_err(|e| at(&e))?;
        } else if path.exists() {
            files.insert(absolute(path)?);
        } else if argument.contains(['*', '?', '[']) {
            for found in glob::glob(argument).map_err(|e| at(&e))? {
                let found = found.map_err(|e| at(&e))?;
                if found.is_file() {
                    files.insert(absolute(&found)?);
                }
            }
        } else {
            return Err(Failure::usage("there is no such file").at(argument));
        }
        if files.len() == before && !path.is_file() {
            let mend = format!("name files, or a directory with files that end in {}", endings.join(", "));
            return Err(Failure::usage("there are no files").at(argument).mend(mend));
        }
    }
    Ok(files.into_iter().collect())
}

fn below(directory: &Path, endings: &[&str], files: &mut BTreeSet<PathBuf>) -> Result<(), Failure> {
    let at = |e: std::io::Error| Failure::usage(e).at(directory.display());
    for entry in fs::read_dir(directory).map_err(at)? {
        let path = entry.map_err(at)?.path();
        if path.is_dir() {
            below(&path, endings, files)?;
        } else if is_one(&path, endings) {
            files.insert(absolute(&path)?);
        }
    }
    Ok(())
}

fn is_one(path: &Path, endings: &[&str]) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    endings.iter().any(|ending| name.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.')))
}

/// The name by which a file is known in `loader.files`, from wherever it is loaded.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let path = path.canonicalize().map_err(|e| Failure::usage(e).at(path.display()))?;
    if path.to_str().is_none() {
        return Err(Failure::usage("its name is not UTF-8").at(path.display()).mend("rename the file"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_directories_and_patterns() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().canonicalize().unwrap();
        fs::create_dir(root.join("sub")).unwrap();
        for name in ["b.csv", "a.csv.gz", "notes.md", "sub/c.tsv", "sub/d.csv.zst", "csv"] {
            fs::write(root.join(name), "").unwrap();
        }
        let expand = |arguments: &[&str]| {
            let arguments: Vec<String> =
                arguments.iter().map(|a| root.join(a).to_str().unwrap().to_string()).collect();
            let found = super::expand(&arguments, &["csv", "tsv"])?;
            let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_string();
            Ok::<_, Failure>(found.iter().map(name).collect::<Vec<_>>())
        };
        assert_eq!(expand(&[""]).unwrap(), ["a.csv.gz", "b.csv", "sub/c.tsv", "sub/d.csv.zst"]);
        assert_eq!(expand(&["notes.md", "b.csv", "b.csv"]).unwrap(), ["b.csv", "notes.md"]);
        assert_eq!(expand(&["*.csv", "sub/?.tsv"]).unwrap(), ["b.csv", "sub/c.tsv"]);
        assert!(expand(&["none.csv"]).unwrap_err().to_string().contains("no such file"));
        assert!(expand(&["*.parquet"]).unwrap_err().to_string().contains("no files"));
    }
}
