//! A random history of some machines, with everything that happens to people.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use fastrand::Rng;

use super::books::{Attempt, Books, Content, Verb, contents};
use crate::harness::command::Run;
use crate::harness::{Files, Machines, Place};

/// What histories of a kind have in common.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub place: Place,
    pub encrypted: bool,
    pub steps: usize,
}

/// Names that a history uses; few, so that machines meet in them.
const NAMES: [&str; 7] = ["a", "b", "c", "d/e", "d/f", "g/h/i", "j"];
/// What runs beside another.
const VERBS: [Verb; 4] = [Verb::Backup, Verb::Backup, Verb::Upload, Verb::Download];
/// What is longer than one part of a copy, in bytes.
const LARGE: usize = 300_000;

/// How often each way to end was seen, by command.
pub type Ends = std::collections::BTreeMap<String, usize>;

pub struct History {
    machines: Machines,
    books: Books,
    rng: Rng,
    kind: Kind,
    next: usize,
    /// What happened, for people.
    pub log: String,
    pub ends: Ends,
    /// A run was killed that may have left an object which no snapshot knows in the
    /// place of one that the last one does.
    torn: bool,
    /// The machine whose last run was refused, and wants to download.
    behind: Option<usize>,
}

type Step = Result<(), String>;

impl History {
    /// Lives a history through.
    ///
    /// # Errors
    /// Something was lost, or a run ended as it never should.
    pub fn live(kind: Kind, seed: u64) -> (Self, Step) {
        let mut rng = Rng::with_seed(seed);
        let count = rng.usize(2..=3);
        let machines = Machines::new(count, kind.place, kind.encrypted);
        let (log, ends) = (String::new(), Ends::new());
        let books = Books::new(count);
        let mut history =
            History { machines, books, rng, kind, next: 0, log, ends, torn: false, behind: None };
        let outcome = history.all();
        (history, outcome)
    }

    fn all(&mut self) -> Step {
        for _ in 0..self.rng.usize(1..4) {
            self.write(0);
        }
        self.run(0, Verb::Backup)?;
        for _ in 0..self.kind.steps {
            self.step()?;
        }
        self.end()
    }

    fn say(&mut self, what: &str) {
        writeln!(self.log, "{what}").unwrap();
    }

    fn any(&mut self) -> usize {
        self.rng.usize(..self.machines.all.len())
    }

    fn step(&mut self) -> Step {
        let machine = self.any();
        match self.rng.u8(0..100) {
            0..34 => self.edit(machine),
            34..52 => return self.run(machine, Verb::Backup),
            52..57 => return self.run(machine, Verb::Upload),
            57..69 => return self.run(machine, Verb::Download),
            69..74 => return self.look(machine),
            74..83 => return self.at_once(machine),
            83..92 => return self.crash(machine),
            92..94 => self.replace_machine(machine),
            94..97 => self.lose_state(machine),
            97..98 => return self.run(machine, Verb::Replace),
            _ => self.time_passes(),
        }
        Ok(())
    }

    /// Some changes by the user of a machine.
    fn edit(&mut self, machine: usize) {
        for _ in 0..self.rng.usize(1..4) {
            match self.rng.u8(0..10) {
                0..6 => self.write(machine),
                6..8 => self.delete(machine),
                _ => self.rename(machine),
            }
        }
    }

    fn content(&mut self, machine: usize) -> Content {
        self.next += 1;
        let number = self.next;
        let mut text = format!("content {number} of machine {machine}\n");
        if number.is_multiple_of(9) {
            text.push_str(&format!("{number:08}").repeat(LARGE / 8));
        }
        text.into_bytes()
    }

    fn path(&self, machine: usize, name: &str) -> PathBuf {
        self.machines.all[machine].data().join(name)
    }

    /// Something that lies at `name` goes, by the hand of the user.
    fn clear(&mut self, machine: usize, name: &str) {
        if let Ok(content) = fs::read(self.path(machine, name)) {
            self.books.remove(machine, content);
        }
    }

    fn write(&mut self, machine: usize) {
        let name = NAMES[self.rng.usize(..NAMES.len())];
        let content = self.content(machine);
        self.say(&format!("  {machine} writes {name}: content {}", self.next));
        self.clear(machine, name);
        let path = self.path(machine, name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// The path of one of the files of a machine.
    fn pick(&mut self, machine: usize) -> Option<String> {
        let names: Vec<_> = self.machines.files(machine).into_keys().collect();
        let name = names.get(self.rng.usize(..names.len().max(1)))?;
        Some(name.to_string_lossy().into_owned())
    }

    fn delete(&mut self, machine: usize) {
        if let Some(name) = self.pick(machine) {
            self.say(&format!("  {machine} deletes {name}"));
            self.clear(machine, &name);
            fs::remove_file(self.path(machine, &name)).unwrap();
        }
    }

    fn rename(&mut self, machine: usize) {
        let to = NAMES[self.rng.usize(..NAMES.len())];
        if let Some(from) = self.pick(machine).filter(|from| from != to) {
            self.say(&format!("  {machine} renames {from} to {to}"));
            self.clear(machine, to);
            let to = self.path(machine, to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::rename(self.path(machine, &from), to).unwrap();
        }
    }

    /// A machine that was refused downloads as a rule: that is what it was told.
    fn run(&mut self, machine: usize, verb: Verb) -> Step {
        let told = self.behind == Some(machine) && self.rng.u8(0..10) < 7;
        let verb = if told { Verb::Download } else { verb };
        let before = self.machines.files(machine);
        let run = self.machines.all[machine].poof(verb.args()).run();
        self.note(vec![(machine, verb, before, run)])
    }

    /// A run that is killed after a random time, or at a random request.
    fn crash(&mut self, machine: usize) -> Step {
        let verb = [Verb::Backup, Verb::Upload, Verb::Download][self.rng.usize(..3)];
        let before = self.machines.files(machine);
        let command = self.machines.all[machine].poof(verb.args());
        let run = if let Some(proxy) = &self.machines.proxy {
            command.run_killed_at(self.rng.usize(1..24), proxy)
        } else {
            let running = command.start();
            sleep(Duration::from_millis(self.rng.u64(20..700)));
            running.signal(libc::SIGKILL);
            running.finish()
        };
        self.torn |= run.code.is_none() && verb.saves();
        self.note(vec![(machine, verb, before, run)])
    }

    fn at_once(&mut self, one: usize) -> Step {
        let others: Vec<_> = (0..self.machines.all.len()).filter(|other| *other != one).collect();
        let two = others[self.rng.usize(..others.len())];
        let pick = |rng: &mut Rng| VERBS[rng.usize(..VERBS.len())];
        let (first, second) = (pick(&mut self.rng), pick(&mut self.rng));
        let delay = Duration::from_millis(self.rng.u64(0..400));
        self.say(&format!("at once, {delay:?} apart:"));
        let (before_one, before_two) = (self.machines.files(one), self.machines.files(two));
        let running = self.machines.all[one].poof(first.args()).start();
        sleep(delay);
        let later = self.machines.all[two].poof(second.args()).run();
        let run = running.finish();
        self.note(vec![(one, first, before_one, run), (two, second, before_two, later)])
    }

    /// Reading changes nothing, here as there.
    fn look(&mut self, machine: usize) -> Step {
        const LOOKS: [&[&str]; 5] = [
            &["status"],
            &["check"],
            &["backup", "--dry-run"],
            &["upload", "--dry-run", "--keep-poof"],
            &["download", "--dry-run"],
        ];
        let args = LOOKS[self.rng.usize(..LOOKS.len())];
        let before = self.machines.files(machine);
        let run = self.machines.all[machine].poof(args).run();
        self.count(args[0], machine, &run);
        if before != self.machines.files(machine) {
            return Err(format!("it has changed the directory: {run}"));
        }
        if matches!(run.code, Some(0 | 5 | 7)) { Ok(()) } else { Err(format!("{run}")) }
    }

    /// The disk of a machine broke, and the configuration was typed in again.
    fn replace_machine(&mut self, machine: usize) {
        self.say(&format!("  {machine} is another machine now"));
        let sandbox = &self.machines.all[machine];
        let _ = fs::remove_dir_all(sandbox.state());
        let _ = fs::remove_dir_all(sandbox.data());
        fs::create_dir_all(sandbox.data()).unwrap();
        self.books.forget(machine);
    }

    fn lose_state(&mut self, machine: usize) {
        self.say(&format!("  {machine} loses its state"));
        let _ = fs::remove_dir_all(self.machines.all[machine].state());
    }

    fn time_passes(&mut self) {
        self.say("  time passes");
        self.machines.time_passes();
    }

    fn count(&mut self, what: &str, machine: usize, run: &Run) {
        let code = run.code.map_or("killed".to_owned(), |code| code.to_string());
        self.say(&format!("  {machine} {what}: {code}"));
        for line in run.stderr.lines() {
            self.say(&format!("      {line}"));
        }
        *self.ends.entry(format!("{what} {code}")).or_default() += 1;
    }

    /// Takes note of runs that were at work at the same time, and looks whether all that
    /// was saved is somewhere.
    fn note(&mut self, runs: Vec<(usize, Verb, Files, Run)>) -> Step {
        let mut attempts = Vec::new();
        for (machine, verb, before, run) in runs {
            self.count(&format!("{verb:?}"), machine, &run);
            if !matches!(run.code, None | Some(0 | 5 | 6 | 7 | 8)) {
                return Err(format!("{run}"));
            }
            match run.code {
                Some(7) if verb.saves() => self.behind = Some(machine),
                Some(0) if verb.saves() => self.torn = false,
                _ => {}
            }
            if verb == Verb::Download && self.behind == Some(machine) {
                self.behind = None;
            }
            let after = self.machines.files(machine);
            attempts.push(Attempt { machine, verb, before, after, run });
        }
        self.books.note(&attempts)?;
        self.look_for_all(false)
    }

    /// Whether all that was saved is on a machine or on the remote; the remote is asked
    /// if it has to be.
    fn look_for_all(&mut self, thorough: bool) -> Step {
        let here: Vec<_> = (0..self.machines.all.len()).map(|m| self.machines.files(m)).collect();
        let mut places: Vec<&Files> = here.iter().collect();
        if self.books.is_empty() || !thorough && self.books.missing(&places).is_empty() {
            return Ok(());
        }
        let (run, there) = self.machines.restored();
        places.push(&there);
        let missing = self.books.missing(&places);
        if let Some(first) = missing.first() {
            let text = String::from_utf8_lossy(first);
            let first = text.lines().next().unwrap_or_default();
            return Err(format!("{} lost, the first: {first:?}; {run}", missing.len()));
        }
        let sound = run.code == Some(0) || self.torn && run.code == Some(5);
        if sound { Ok(()) } else { Err(format!("the snapshot cannot be restored: {run}")) }
    }

    /// No history ends where nobody can go on: each machine can download, save, and hand
    /// over to the next.
    fn end(&mut self) -> Step {
        self.look_for_all(true)?;
        self.time_passes();
        self.behind = None;
        let mut last = None;
        for machine in 0..self.machines.all.len() {
            // What its user does if the remote has lost what a killed run was about to
            // replace; what is here is then all there is.
            self.run(machine, Verb::Download)?;
            if let Some(content) = last.take()
                && !contents(&self.machines.files(machine)).contains(&content)
            {
                return Err(format!("{machine} did not get what the last machine saved"));
            }
            self.write(machine);
            let written = contents(&self.machines.files(machine));
            let before = self.machines.files(machine);
            let mut run = self.machines.all[machine].poof(Verb::Backup.args()).run();
            let mut words = Vec::new();
            while self.torn && run.code == Some(7) && words.len() < 3 {
                // The download lacks what a killed run had begun to replace: each refusal
                // names the word for a directory that is taken as it is.
                let word =
                    run.stderr.split("`--allow ").nth(1).and_then(|text| text.split('`').next());
                words.push(word.unwrap_or_else(|| panic!("no word: {run}")).to_owned());
                let allow = words.iter().flat_map(|word| ["--allow", word]);
                run = self.machines.all[machine].poof(["backup"]).args(allow).run();
            }
            if run.code != Some(0) {
                return Err(format!("{machine} cannot go on: {run}"));
            }
            self.note(vec![(machine, Verb::Backup, before, run)])?;
            let newest = format!("content {} of machine {machine}\n", self.next).into_bytes();
            last = written.into_iter().find(|content| content.starts_with(&newest));
        }
        self.look_for_all(true)
    }
}
