//! Finds the input files that the arguments mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use tally_objects::{Address, Object};
use tally_postgres::Failure;

use super::source::FileSource;

/// The argument that means standard input.
const STANDARD_INPUT: &str = "-";

/// The place of a file that is to be read.
#[derive(Debug)]
pub enum Location {
    /// Standard input.
    StandardInput,
    /// A file on disk.
    Path(PathBuf),
    /// An object of a store.
    Object(Object),
}

impl Location {
    /// The name of the place in messages.
    pub fn name(&self) -> String {
        match self {
            Self::StandardInput => "standard input".into(),
            Self::Path(path) => path.display().to_string(),
            Self::Object(object) => object.url().into(),
        }
    }

    /// Looks at the file that is there.
    pub fn open(&self) -> Result<FileSource, Failure> {
        let source = match self {
            Self::StandardInput => FileSource::of_standard_input(),
            Self::Path(path) => FileSource::of_path(path),
            Self::Object(object) => Ok(FileSource::of_object(object.clone())),
        };
        source.map_err(|e| Failure::new(e).at(self.name()))
    }
}

/// Returns the files that arguments mean, in order, each once.
pub fn expand(arguments: &[String], endings: &[&str]) -> Result<Vec<Location>, Failure> {
    let mut paths = Vec::new();
    let mut objects = BTreeMap::new();
    let mut has_stream = false;
    for argument in arguments {
        if argument == STANDARD_INPUT {
            has_stream = true;
        } else if Address::is_one(argument) {
            let found = objects_of(argument, endings)?;
            objects.extend(found.into_iter().map(|object| (object.url().to_string(), object)));
        } else {
            paths.push(Address::local_path(argument)?.to_string());
        }
    }
    let stream = has_stream.then_some(Location::StandardInput);
    let paths = on_disk(&paths, endings)?.into_iter().map(Location::Path);
    Ok(stream.into_iter().chain(paths).chain(objects.into_values().map(Location::Object)).collect())
}

/// Returns the objects that an address means: the object itself, those below it that have one of the endings, or those
/// that match it as a pattern.
fn objects_of(argument: &str, endings: &[&str]) -> Result<Vec<Object>, Failure> {
    let fail = |what: &str, mend: &str| Err(Failure::usage(what).at(argument).mend(mend));
    let cannot_list = "web servers do not list their files: name each of them";
    if let Some(wildcard) = argument.find(['*', '[']) {
        let fixed = argument[..wildcard].rfind('/').map_or("", |end| &argument[..end]);
        let root = Address::parse(fixed)?;
        if !root.can_list() {
            return fail("patterns do not apply here", cannot_list);
        }
        let pattern = glob::Pattern::new(argument).map_err(|e| Failure::usage(e).at(argument))?;
        let separate = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
        let mut found = Object::list(&root)?;
        found.retain(|object| pattern.matches_with(object.url(), separate));
        return match found.is_empty() {
            true => fail("no objects found", "check the pattern; * does not match /, but ** does"),
            false => Ok(found),
        };
    }
    let address = Address::parse(argument)?;
    let is_name = !argument.ends_with('/') && !address.path.as_ref().is_empty();
    if let Some(object) = if is_name { Object::find(&address)? } else { None } {
        return Ok(vec![object]);
    }
    if !address.can_list() {
        return fail("no such file", cannot_list);
    }
    let mut found = Object::list(&address)?;
    found.retain(|object| is_one(Path::new(object.url()), endings));
    match found.is_empty() {
        true => fail(
            "no objects found",
            &format!("name objects, or a prefix of objects that end in {}", endings.join(", ")),
        ),
        false => Ok(found),
    }
}

/// Returns the files on disk that arguments name: files themselves, those below directories that have one of the endings
/// (perhaps followed by that of a compressed file), and those that match patterns; in order, each once.
fn on_disk(arguments: &[String], endings: &[&str]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = BTreeSet::new();
    for argument in arguments {
        let path = Path::new(argument);
        let at = |e: &dyn std::fmt::Display| Failure::usage(e).at(argument);
        let before = files.len();
        if path.is_dir() {
            let root = path.canonicalize().map_err(|e| at(&e))?;
            below(&root, &root, &|path| is_one(path, endings), &mut files)?;
        } else if path.exists() {
            files.insert(absolute(path)?);
        } else if argument.contains("**") {
            let pattern = glob::Pattern::new(argument).map_err(|e| at(&e))?;
            let separate = glob::MatchOptions { require_literal_separator: true, ..Default::default() };
            let (root, spelt) = root_of(argument);
            let real = root.canonicalize().map_err(|e| at(&e))?;
            let is_meant = |path: &Path| {
                path.strip_prefix(&real)
                    .is_ok_and(|rest| pattern.matches_path_with(&spelt.join(rest), separate))
            };
            below(&real, &real, &is_meant, &mut files)?;
        } else if argument.contains(['*', '?', '[']) {
            for found in glob::glob(argument).map_err(|e| at(&e))? {
                let found = found.map_err(|e| at(&e))?;
                if found.is_file() {
                    files.insert(absolute(&found)?);
                }
            }
        } else {
            return Err(Failure::usage("no such file").at(argument));
        }
        if files.len() == before && !path.is_file() {
            let mend = format!("name files, or a directory with files that end in {}", endings.join(", "));
            return Err(Failure::usage("no files found").at(argument).mend(mend));
        }
    }
    Ok(files.into_iter().collect())
}

/// Adds the matching files below a directory. Symbolic links to directories are not followed, since they may form
/// cycles; links to files are, as long as they stay below the root.
fn below(
    directory: &Path,
    root: &Path,
    is_meant: &dyn Fn(&Path) -> bool,
    files: &mut BTreeSet<PathBuf>,
) -> Result<(), Failure> {
    let at = |e: std::io::Error| Failure::usage(e).at(directory.display());
    for entry in fs::read_dir(directory).map_err(at)? {
        let entry = entry.map_err(at)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(at)?);
        if kind.is_dir() {
            below(&path, root, is_meant, files)?;
        } else if kind.is_file() && is_meant(&path) {
            files.insert(absolute(&path)?);
        } else if kind.is_symlink() && is_meant(&path) && path.is_file() {
            let target = absolute(&path)?;
            if target.starts_with(root) {
                files.insert(target);
            } else {
                tracing::warn!(link = %path.display(), "the link leads out of the directory and is skipped; to load its file, name it as an argument");
            }
        }
    }
    Ok(())
}

/// Returns the directory before the first wildcard of a pattern: as a path, and as it is written.
fn root_of(pattern: &str) -> (PathBuf, PathBuf) {
    let is_fixed =
        |part: &std::path::Component| !part.as_os_str().to_string_lossy().contains(['*', '?', '[']);
    let spelt: PathBuf = Path::new(pattern).components().take_while(is_fixed).collect();
    let root = if spelt.as_os_str().is_empty() { PathBuf::from(".") } else { spelt.clone() };
    (root, spelt)
}

fn is_one(path: &Path, endings: &[&str]) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    endings.iter().any(|ending| name.strip_suffix(ending).is_some_and(|rest| rest.ends_with('.')))
}

/// Returns the absolute name by which `loader.files` knows a file, whatever the current directory is.
fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    let path = path.canonicalize().map_err(|e| Failure::usage(e).at(path.display()))?;
    if path.to_str().is_none() {
        return Err(Failure::usage("file name is not UTF-8").at(path.display()).mend("rename the file"));
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
            let found = on_disk(&arguments, &["csv", "tsv"])?;
            let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_string();
            Ok::<_, Failure>(found.iter().map(name).collect::<Vec<_>>())
        };
        assert_eq!(expand(&[""]).unwrap(), ["a.csv.gz", "b.csv", "sub/c.tsv", "sub/d.csv.zst"]);
        assert_eq!(expand(&["notes.md", "b.csv", "b.csv"]).unwrap(), ["b.csv", "notes.md"]);
        assert_eq!(expand(&["*.csv", "sub/?.tsv"]).unwrap(), ["b.csv", "sub/c.tsv"]);
        assert_eq!(expand(&["**/*.tsv"]).unwrap(), ["sub/c.tsv"]);
        assert_eq!(expand(&["**/b.csv"]).unwrap(), ["b.csv"]);
        assert!(expand(&["none.csv"]).unwrap_err().to_string().contains("no such file"));
        assert!(expand(&["*.parquet"]).unwrap_err().to_string().contains("no files"));
    }

    #[test]
    fn links_to_directories_are_followed_only_where_an_argument_reaches_them() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        for folder in ["in", "other"] {
            fs::create_dir(top.join(folder)).unwrap();
            fs::write(top.join(folder).join("a.csv"), "").unwrap();
        }
        symlink("../other", top.join("in/link")).unwrap();
        let expand = |argument: &str| on_disk(&[top.join(argument).to_str().unwrap().into()], &["csv"]);
        for argument in ["in", "in/**/*.csv"] {
            assert_eq!(expand(argument).unwrap(), [top.join("in/a.csv")], "{argument}");
        }
        for argument in ["in/link", "in/link/*.csv", "in/*/*.csv"] {
            assert_eq!(expand(argument).unwrap(), [top.join("other/a.csv")], "{argument}");
        }
    }

    #[test]
    fn links_neither_lead_in_circles_nor_out() {
        use std::os::unix::fs::symlink;
        let directory = tempfile::tempdir().unwrap();
        let (root, outside) = (directory.path().join("in"), directory.path().join("out"));
        fs::create_dir_all(root.join("sub")).unwrap();
        fs::create_dir(&outside).unwrap();
        for file in [root.join("sub/a.csv"), outside.join("secret.csv")] {
            fs::write(file, "").unwrap();
        }
        for (name, target) in [
            ("x", "."),
            ("y", "."),
            ("z", ".."),
            ("b.csv", "sub/a.csv"),
            ("c.csv", "../out/secret.csv"),
            ("d.csv", "d.csv"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        let pipe = std::process::Command::new("mkfifo").arg(root.join("pipe.csv")).status().unwrap();
        assert!(pipe.success());
        let expected = [root.canonicalize().unwrap().join("sub/a.csv")];
        for argument in [root.clone(), root.join("**/*.csv")] {
            assert_eq!(on_disk(&[argument.to_str().unwrap().into()], &["csv"]).unwrap(), expected);
        }
        // A link that is named itself is followed, wherever it leads.
        let named = on_disk(&[root.join("c.csv").to_str().unwrap().into()], &["csv"]).unwrap();
        assert_eq!(named, [outside.canonicalize().unwrap().join("secret.csv")]);
    }
}
