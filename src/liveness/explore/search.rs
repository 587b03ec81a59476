//! The search: breadth first, so that the way to a fault is a shortest one.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::world::{Action, Broken, World};

/// What a search has seen.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) states: usize,
    pub(super) edges: usize,
    pub(super) depth: usize,
    /// Every state was visited, whatever the depth.
    pub(super) complete: bool,
    /// The first promise that was broken, and the shortest way there.
    pub(super) fault: Option<(Broken, Vec<Action>)>,
}

/// Visits all states that are at most `depth` actions away from `start`.
pub(super) fn search(start: &World, depth: usize) -> Found {
    let mut seen: HashSet<u64, BuildHasherDefault<Same>> = HashSet::default();
    // Who came from where, by which action: enough to go the same way again.
    let mut ways: Vec<(u32, Action)> = Vec::new();
    let mut layer = vec![(start.clone(), u32::MAX)];
    let mut found = Found { states: 1, ..Found::default() };
    seen.insert(key(start));
    while !layer.is_empty() && found.depth < depth {
        let mut next = Vec::new();
        for (world, from) in &layer {
            for action in world.actions() {
                let mut after = world.clone();
                let mut kept = after.take(action);
                let is_new = kept.is_ok() && seen.insert(key(&after));
                if is_new {
                    kept = after.check_odd_calls();
                }
                found.edges += 1;
                if let Err(broken) = kept {
                    found.fault = Some((broken, way(&ways, *from, action)));
                    return found;
                }
                if is_new {
                    next.push((after, ways.len() as u32));
                    ways.push((*from, action));
                }
            }
        }
        found.depth += 1;
        layer = next;
    }
    found.states = seen.len();
    found.complete = layer.is_empty();
    found
}

fn way(ways: &[(u32, Action)], mut from: u32, last: Action) -> Vec<Action> {
    let mut way = vec![last];
    while let Some((before, action)) = ways.get(from as usize) {
        way.push(*action);
        from = *before;
    }
    way.reverse();
    way
}

fn key(world: &World) -> u64 {
    let mut mix = Mix(0);
    world.hash(&mut mix);
    mix.finish()
}

/// Fast also where nothing is optimized; of a million states two fall together once in a million searches.
struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(31);
    }

    fn write_u8(&mut self, word: u8) {
        self.write_u64(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }
}

/// A key is its own hash.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn write(&mut self, _: &[u8]) {
        unreachable!("only keys are hashed");
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
