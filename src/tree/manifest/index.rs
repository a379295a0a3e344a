//! The cached copy of a manifest on this machine, with what only this machine
//! knows. Written and read as a stream.

use std::io::{self, Read, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};

use super::{Damaged, block, opened};
use crate::tree::model::entry::{Entry, order};

const MAGIC: &[u8] = b"poof index";
const VERSION: u8 = 1;
const ENTRIES: usize = 1024;
const LEVEL: i32 = 1;
/// Bytes of the hash before each block.
const HASH: usize = 32;
/// A header or block that says it is larger is not ours.
const LARGEST: u32 = 64 << 20;

/// Which snapshot it is a copy of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexHeader {
    pub tree: String,
    pub generation: u64,
    /// BLAKE3 of the head.
    pub head_id: [u8; 32],
    /// How a listing shows the head.
    pub tag: String,
}

pub struct IndexWriter<W> {
    out: W,
    raw: Vec<u8>,
    held: usize,
    count: u64,
    hashes: blake3::Hasher,
}

impl<W: Write> IndexWriter<W> {
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, header: &IndexHeader) -> io::Result<Self> {
        let header = postcard::to_stdvec(header).map_err(io::Error::other)?;
        out.write_all(MAGIC)?;
        out.write_all(&[0, VERSION])?;
        write_sized(&mut out, &header)?;
        let mut hashes = blake3::Hasher::new();
        hashes.update(&header);
        Ok(IndexWriter { out, raw: Vec::new(), held: 0, count: 0, hashes })
    }

    /// Takes the next entry, in order.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn push(&mut self, entry: &Entry) -> io::Result<()> {
        block::encode(entry, &mut self.raw);
        self.held += 1;
        self.count += 1;
        // Attributes may be large, and a reader takes no block beyond its bound.
        let full = self.held == ENTRIES || self.raw.len() >= block::SIZE;
        if full { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held > 0 {
            let bytes = block::pack(&self.raw, LEVEL);
            let hash = blake3::hash(&bytes);
            self.hashes.update(hash.as_bytes());
            self.out.write_all(&size(&bytes)?)?;
            self.out.write_all(hash.as_bytes())?;
            self.out.write_all(&bytes)?;
            self.raw.clear();
            self.held = 0;
        }
        Ok(())
    }

    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<W> {
        self.flush()?;
        self.out.write_all(&[0; 4])?;
        self.out.write_all(&self.count.to_le_bytes())?;
        self.hashes.update(&self.count.to_le_bytes());
        self.out.write_all(self.hashes.finalize().as_bytes())?;
        Ok(self.out)
    }
}

fn size(bytes: &[u8]) -> io::Result<[u8; 4]> {
    u32::try_from(bytes.len()).map(u32::to_le_bytes).map_err(io::Error::other)
}

fn write_sized(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    out.write_all(&size(bytes)?)?;
    out.write_all(bytes)
}

/// Yields the entries; an error is the last item.
pub struct IndexReader<R> {
    input: R,
    header: IndexHeader,
    block: std::vec::IntoIter<Entry>,
    /// The last path of the block before.
    last: Option<Vec<u8>>,
    count: u64,
    hashes: blake3::Hasher,
    ended: bool,
}

impl<R: Read> IndexReader<R> {
    /// # Errors
    /// It does not begin as an index.
    pub fn new(mut input: R) -> Result<Self, Damaged> {
        let mut start = [0; MAGIC.len() + 2];
        fill(&mut input, &mut start)?;
        opened(&start, MAGIC, VERSION)?;
        let size = read_size(&mut input)?;
        let bytes = read_bytes(&mut input, size)?;
        let header = postcard::from_bytes(&bytes).map_err(|_| Damaged::Cut)?;
        let mut hashes = blake3::Hasher::new();
        hashes.update(&bytes);
        let block = Vec::new().into_iter();
        Ok(IndexReader { input, header, block, last: None, count: 0, hashes, ended: false })
    }

    pub fn header(&self) -> &IndexHeader {
        &self.header
    }

    /// The next block; None at a proper end.
    fn advance(&mut self) -> Result<Option<Vec<Entry>>, Damaged> {
        let size = read_size(&mut self.input)?;
        if size == 0 {
            return self.end().map(|()| None);
        }
        let mut hash = [0; 32];
        fill(&mut self.input, &mut hash)?;
        let bytes = read_bytes(&mut self.input, size)?;
        if blake3::hash(&bytes) != hash {
            return Err(Damaged::WrongSeal);
        }
        self.hashes.update(&hash);
        let entries = block::unpack(&bytes)?;
        let first = entries.first().ok_or(Damaged::Invalid("an empty block"))?;
        if let Some(last) = &self.last {
            block::follows(last, &first.path)?;
        }
        self.last = entries.last().map(|last| last.path.clone());
        self.count += entries.len() as u64;
        Ok(Some(entries))
    }

    fn end(&mut self) -> Result<(), Damaged> {
        let (mut count, mut hash) = ([0; 8], [0; 32]);
        fill(&mut self.input, &mut count)?;
        fill(&mut self.input, &mut hash)?;
        self.hashes.update(&count);
        if u64::from_le_bytes(count) != self.count || self.hashes.finalize() != hash {
            return Err(Damaged::WrongSeal);
        }
        match self.input.read(&mut [0]) {
            Ok(0) => Ok(()),
            _ => Err(Damaged::Cut),
        }
    }
}

impl<R: Read> Iterator for IndexReader<R> {
    type Item = Result<Entry, Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.block.next() {
                return Some(Ok(entry));
            }
            if self.ended {
                return None;
            }
            match self.advance() {
                Ok(Some(entries)) => self.block = entries.into_iter(),
                Ok(None) => self.ended = true,
                Err(damaged) => {
                    self.ended = true;
                    return Some(Err(damaged));
                }
            }
        }
    }
}

fn read_size(input: &mut impl Read) -> Result<u32, Damaged> {
    let mut size = [0; 4];
    fill(input, &mut size)?;
    match u32::from_le_bytes(size) {
        size if size <= LARGEST => Ok(size),
        _ => Err(Damaged::Invalid("a block that is too large")),
    }
}

/// Never makes room for more than is there.
fn read_bytes(input: &mut impl Read, size: u32) -> Result<Vec<u8>, Damaged> {
    let mut bytes = Vec::new();
    let read = input.take(u64::from(size)).read_to_end(&mut bytes);
    match read {
        Ok(read) if read as u64 == u64::from(size) => Ok(bytes),
        Ok(_) => Err(Damaged::Cut),
        Err(error) => Err(Damaged::Unreadable(error.to_string())),
    }
}

fn fill(input: &mut impl Read, bytes: &mut [u8]) -> Result<(), Damaged> {
    input.read_exact(bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Damaged::Cut,
        _ => Damaged::Unreadable(error.to_string()),
    })
}

/// An index in which places are found without reading what is before them.
pub struct IndexBlocks<R> {
    input: R,
    /// Where each block is, with its size.
    places: Vec<(u64, u32)>,
    /// The first path of each block that was unpacked.
    firsts: Vec<Option<Vec<u8>>>,
    /// The blocks that were unpacked last, with their numbers; the last one first.
    unpacked: Vec<(usize, Vec<u8>)>,
    /// The block in which the last place is.
    number: usize,
    /// How many blocks before it the place before that is.
    step: usize,
    /// Where in that block the entry behind `current` is.
    next: usize,
    current: Option<Entry>,
}

impl<R: Read + Seek> IndexBlocks<R> {
    /// # Errors
    /// It is not an index.
    pub fn new(mut input: R) -> Result<Self, Damaged> {
        IndexReader::new(&mut input)?;
        let unreadable = |error: io::Error| Damaged::Unreadable(error.to_string());
        let mut at = input.stream_position().map_err(unreadable)?;
        let mut places = Vec::new();
        loop {
            let size = read_size(&mut input)?;
            if size == 0 {
                break;
            }
            places.push((at + 4, size));
            at += 4 + HASH as u64 + u64::from(size);
            input.seek(SeekFrom::Start(at)).map_err(unreadable)?;
        }
        let firsts = vec![None; places.len()];
        let unpacked = Vec::new();
        let (number, step, next, current) = (0, 0, 0, None);
        Ok(IndexBlocks { input, places, firsts, unpacked, number, step, next, current })
    }

    /// The first entry that is not before `path`, which is not before the path of the last call.
    ///
    /// # Errors
    /// A block is damaged.
    pub fn not_before(&mut self, path: &[u8]) -> Result<Option<&Entry>, Damaged> {
        for number in self.block_of(path)?..self.places.len() {
            if self.number != number {
                (self.number, self.next, self.current) = (number, 0, None);
            }
            let is_before = |entry: &Entry| order(&entry.path, path).is_lt();
            let (mut at, mut current) = (self.next, self.current.take());
            let raw = self.unpack(number)?;
            while current.as_ref().is_none_or(is_before) && at < raw.len() {
                let (entry, next) = block::entry_at(raw, at, current.as_ref())?;
                (current, at) = (Some(entry), next);
            }
            (self.current, self.next) = (current, at);
            if !self.current.as_ref().is_none_or(is_before) {
                return Ok(self.current.as_ref());
            }
        }
        Ok(None)
    }

    /// The last block that begins not behind `path`, from the one at hand on. Directories beside
    /// one another are often alike: so it is looked for where the last step leads.
    fn block_of(&mut self, path: &[u8]) -> Result<usize, Damaged> {
        let (at_hand, end) = (self.number, self.places.len());
        let (mut low, mut high, mut width) = (at_hand, end, 1);
        let mut probe = at_hand + self.step.max(1);
        while low + 1 < high {
            if !(low < probe && probe < high) {
                probe = low.midpoint(high);
            }
            if order(self.first(probe)?, path).is_gt() {
                high = probe;
                probe = high.saturating_sub(width);
            } else {
                low = probe;
                probe = low + width;
            }
            width *= 2;
            // Until it is between two probes, in steps that double.
            if low > at_hand && high < end {
                probe = low.midpoint(high);
            }
        }
        self.step = low - at_hand;
        Ok(low)
    }

    fn first(&mut self, number: usize) -> Result<&[u8], Damaged> {
        if self.firsts[number].is_none() {
            let (entry, _) = block::entry_at(self.unpack(number)?, 0, None)?;
            self.firsts[number] = Some(entry.path);
        }
        Ok(self.firsts[number].as_deref().unwrap_or_default())
    }

    fn unpack(&mut self, number: usize) -> Result<&[u8], Damaged> {
        if let Some(at) = self.unpacked.iter().position(|(known, _)| *known == number) {
            self.unpacked.swap(0, at);
        } else {
            let raw = self.read(number)?;
            self.unpacked.insert(0, (number, raw));
            self.unpacked.truncate(2);
        }
        Ok(&self.unpacked[0].1)
    }

    fn read(&mut self, number: usize) -> Result<Vec<u8>, Damaged> {
        let (at, size) = self.places[number];
        let seek = self.input.seek(SeekFrom::Start(at));
        seek.map_err(|error| Damaged::Unreadable(error.to_string()))?;
        let mut hash = [0; HASH];
        fill(&mut self.input, &mut hash)?;
        let bytes = read_bytes(&mut self.input, size)?;
        if blake3::hash(&bytes) != hash {
            return Err(Damaged::WrongSeal);
        }
        block::unpack_raw(&bytes)
    }
}
