//! Watching a folder in which a phone system writes. A file is finished when its writer closed it,
//! when it was renamed into place, or when the phone system says so; never because it stood still.

use super::Arrival;
use crate::call::Moment;
use notify::event::{AccessKind, AccessMode, ModifyKind, RenameMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// A watched folder, with all folders in it.
pub struct Folder {
    root: PathBuf,
    _watcher: RecommendedWatcher,
    sights: mpsc::UnboundedReceiver<(What, PathBuf)>,
}

/// What was seen of a file in a watched folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Somebody writes a file of this name.
    Begun(String),
    /// A file is finished and may be taken.
    Finished(Arrival),
    /// The file of this name is no longer there.
    Gone(String),
}

impl Folder {
    /// Begins to watch. Files that are there already are found by [`Folder::scan`].
    ///
    /// # Errors
    /// When the folder is not there or cannot be watched.
    pub fn watch(root: &Path) -> Result<Self, notify::Error> {
        // The list of open files knows only canonical paths.
        let root = &fs::canonicalize(root)?;
        let (sender, sights) = mpsc::unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if let Ok(event) = event
                && let Some(what) = seen(&event.kind)
            {
                // A receiver that is gone wants no more.
                event.paths.into_iter().for_each(|path| drop(sender.send((what, path))));
            }
        })?;
        watcher.watch(root, RecursiveMode::Recursive)?;
        Ok(Self { root: root.to_owned(), _watcher: watcher, sights })
    }

    /// The next thing that happened to a file.
    pub async fn next(&mut self) -> Option<Sight> {
        loop {
            let (what, path) = self.sights.recv().await?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            match (what, arrival(&path)) {
                (What::Finished, Some(arrival)) => return Some(Sight::Finished(arrival)),
                (What::Begun, Some(_)) => return Some(Sight::Begun(name)),
                (What::Gone, None) => return Some(Sight::Gone(name)),
                _ => {}
            }
        }
    }

    /// The file of this name, wherever in the folder it lies: for a phone system that announces
    /// names.
    pub fn find(&self, name: &str) -> Option<Arrival> {
        let all = self.scan().ok()?;
        all.into_iter().find(|arrival| arrival.path.file_name().is_some_and(|n| n == name))
    }

    /// All files in the folder that nobody is writing: those finished before we watched or while we
    /// were down.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn scan(&self) -> io::Result<Vec<Arrival>> {
        let writing = being_written();
        let mut found = Vec::new();
        walk(&self.root, &mut found)?;
        found.retain(|arrival| !writing.contains(&arrival.path));
        found.sort_by(|one, other| {
            (one.modified_at, &one.path).cmp(&(other.modified_at, &other.path))
        });
        Ok(found)
    }
}

#[derive(Debug, Clone, Copy)]
enum What {
    Begun,
    Finished,
    Gone,
}

/// What an event says of a file. Finished is closed after writing, or renamed into place.
fn seen(kind: &EventKind) -> Option<What> {
    match kind {
        EventKind::Create(_) => Some(What::Begun),
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both)) => {
            Some(What::Finished)
        }
        EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
            Some(What::Gone)
        }
        _ => None,
    }
}

pub(super) fn arrival(path: &Path) -> Option<Arrival> {
    let meta = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let modified_at = meta.modified().map(Moment::from).unwrap_or_default();
    (!hidden).then(|| Arrival { path: path.to_owned(), bytes: meta.len(), modified_at })
}

fn walk(folder: &Path, found: &mut Vec<Arrival>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            // A folder that vanished or is closed to us must not hide the others.
            if let Err(error) = walk(&entry.path(), found) {
                tracing::warn!(%error, folder = %entry.path().display(), "not looked through");
            }
        } else {
            found.extend(arrival(&entry.path()));
        }
    }
    Ok(())
}

/// Files that some process holds open for writing, as far as we may see: run as the phone system's
/// user or as root to see its files.
pub(super) fn being_written() -> BTreeSet<PathBuf> {
    let mut open = BTreeSet::new();
    let Ok(processes) = fs::read_dir("/proc") else { return open };
    for process in processes.flatten() {
        let Ok(files) = fs::read_dir(process.path().join("fd")) else { continue };
        for file in files.flatten() {
            let info = process.path().join("fdinfo").join(file.file_name());
            if is_for_writing(&info) {
                open.extend(fs::read_link(file.path()));
            }
        }
    }
    open
}

/// The last octal digit of `flags` is 1 or 2 for files open for writing.
fn is_for_writing(info: &Path) -> bool {
    let text = fs::read_to_string(info).unwrap_or_default();
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    flags.is_some_and(|flags| flags.trim().ends_with(['1', '2']))
}
