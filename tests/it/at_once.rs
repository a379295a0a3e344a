//! Two machines at work on one tree at the same moment: one of them saves, the other
//! ends with 7 or 8 and has destroyed nothing.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::harness::{Files, Machines, Place, Unsigned};
use crate::model::{Attempt, Books, Verb, number};

/// Files that both have from the beginning.
const COMMON: usize = 12;
const PAIRS: [(Verb, Verb); 3] =
    [(Verb::Backup, Verb::Backup), (Verb::Upload, Verb::Upload), (Verb::Upload, Verb::Backup)];

/// How many pairs of each kind a long test begins.
const COUNT: &str = "POOF_MODEL_PAIRS";

/// How the two of a pair ended, and how often.
type Ends = BTreeMap<String, usize>;

/// Two machines that have the same files, all saved.
fn two(place: Place, encrypted: bool) -> (Machines, Duration) {
    let machines = Machines::new(2, place, encrypted);
    for number in 0..COMMON {
        let path = machines.all[0].data().join(format!("common-{number}"));
        fs::write(path, format!("common {number}")).unwrap();
    }
    machines.all[0].poof(["backup"]).run().expect_code(0);
    machines.all[1].poof(["download", "--yes"]).run().expect_code(0);
    // The longest way that a run here takes: everything is wiped and comes back.
    let start = Instant::now();
    machines.all[1].poof(Verb::Upload.args()).run().expect_code(0);
    let span = start.elapsed();
    machines.all[1].poof(["download", "--yes"]).run().expect_code(0);
    (machines, span)
}

/// Lets pairs of runs begin, each later than the other by another share of a run.
fn pairs(place: Place, encrypted: bool, verbs: (Verb, Verb), count: usize) -> Ends {
    let (machines, span) = two(place, encrypted);
    let mut books = Books::new(2);
    let mut ends = Ends::new();
    for number in 0..count {
        let at = |machine: usize, name: &str| machines.all[machine].data().join(name);
        let mut before = Vec::new();
        for machine in 0..2 {
            let text = format!("pair {number}, by machine {machine}");
            fs::write(at(machine, &format!("new-{machine}-{number}")), &text).unwrap();
            let common = at(machine, &format!("common-{}", (number + machine) % COMMON));
            books.remove(machine, fs::read(&common).unwrap());
            fs::write(common, format!("{text}, changed")).unwrap();
            before.push(machines.files(machine));
        }
        let (early, late) = if number % 2 == 0 { (0, 1) } else { (1, 0) };
        // Each half of them over the whole run.
        let share = u32::try_from(number / 2).unwrap();
        let delay = span * share / u32::try_from(count.div_ceil(2)).unwrap();
        let verb = |machine: usize| if machine == 0 { verbs.0 } else { verbs.1 };
        let running = machines.all[early].poof(verb(early).args()).start();
        sleep(delay);
        let later = machines.all[late].poof(verb(late).args()).run();
        let sooner = running.finish();
        let runs = if early == 0 { [sooner, later] } else { [later, sooner] };
        let what = format!("{place:?}, encrypted {encrypted}, {verbs:?}, {delay:?} apart");

        let codes: Vec<_> = runs.iter().map(|run| run.code).collect();
        *ends.entry(format!("{codes:?}")).or_default() += 1;
        let said = format!("{what}\n{}\n{}", runs[0], runs[1]);
        let attempts: Vec<_> = runs
            .into_iter()
            .zip(before)
            .enumerate()
            .map(|(machine, (run, before))| {
                let after = machines.files(machine);
                Attempt { machine, verb: verb(machine), before, after, run }
            })
            .collect();
        for Attempt { run, before, after, .. } in &attempts {
            assert!(matches!(run.code, Some(0 | 7 | 8)), "{said}");
            assert!(run.code == Some(0) || before == after, "it was refused; {said}");
        }
        books.note(&attempts).unwrap_or_else(|why| panic!("{why}: {said}"));
        let (run, there) = machines.restored();
        assert_eq!(run.code, Some(0), "{run}\n{said}");
        let here: Vec<Files> = (0..2).map(|machine| machines.files(machine)).collect();
        let missing = books.missing(&[&here[0], &here[1], &there]);
        assert!(missing.is_empty(), "{} contents are lost: {said}", missing.len());
        // What a run that ended well had is what the next machine gets.
        for Attempt { run, before, .. } in &attempts {
            let saved = before.values().all(|content| there.values().any(|is| is == content));
            assert!(run.code != Some(0) || saved, "it is not on the remote: {said}");
        }
        for machine in 0..2 {
            let run = machines.all[machine].poof(["download", "--yes"]).run();
            assert_eq!(run.code, Some(0), "{run}\nafter {said}");
            books.forget(machine);
        }
    }
    // Whether the head was stored under a condition.
    let servers = fs::read_to_string(machines.all[0].state().join("servers.json"));
    let conditional = servers.is_ok_and(|known| known.contains("\"conditional\":true"));
    assert_eq!(conditional, place == Place::Minio, "{place:?}");
    eprintln!("{count} pairs, {place:?}, encrypted {encrypted}, {verbs:?}: {ends:?}");
    let won = |codes: &str| codes.contains("Some(0)");
    let wins: usize = ends.iter().filter(|(codes, _)| won(codes)).map(|(_, times)| times).sum();
    assert!(wins * 2 >= count, "mostly nobody saves: {ends:?}");
    ends
}

fn many() -> usize {
    number(COUNT).map_or(100, |count| usize::try_from(count).unwrap())
}

#[test]
fn of_two_machines_that_save_at_once_one_does_and_the_other_harms_nothing() {
    for (index, verbs) in PAIRS.into_iter().enumerate() {
        pairs(Place::Minio, index % 2 == 1, verbs, 2);
    }
}

#[test]
fn the_lock_keeps_two_apart_where_the_server_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (server, disk) = (dir.path().join("server"), dir.path().join("disk"));
    fs::create_dir(&server).unwrap();
    fs::create_dir(&disk).unwrap();
    let server = Unsigned::start(&server, &disk);
    pairs(Place::Unconditional(server.address), false, PAIRS[0], 2);
    pairs(Place::Disk, true, PAIRS[1], 2);
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_of_two_machines_that_save_at_once_one_does_and_the_other_harms_nothing() {
    let count = many();
    for encrypted in [false, true] {
        for verbs in PAIRS {
            pairs(Place::Minio, encrypted, verbs, count);
        }
    }
}

#[test]
#[ignore = "takes minutes: make soak"]
fn soak_the_lock_keeps_two_apart_where_the_server_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let (server, disk) = (dir.path().join("server"), dir.path().join("disk"));
    fs::create_dir(&server).unwrap();
    fs::create_dir(&disk).unwrap();
    let server = Unsigned::start(&server, &disk);
    let count = many();
    for place in [Place::Unconditional(server.address), Place::Disk] {
        for encrypted in [false, true] {
            for verbs in PAIRS {
                pairs(place, encrypted, verbs, count);
            }
        }
    }
}
