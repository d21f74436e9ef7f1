//! Choices read from octets.

/// Choices read from octets; 0 for ever once they run out.
#[derive(Debug)]
pub struct Source<'b> {
    bytes: &'b [u8],
    /// Not 0: octets are made up from this for ever, and there are none to read.
    noise: u64,
}

impl<'b> Source<'b> {
    /// Reads choices from `bytes`.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, noise: 0 }
    }

    /// Makes choices up, the same ones for the same seed. Seed 0 chooses the simplest only.
    pub fn noise(seed: u64) -> Self {
        Self { bytes: &[], noise: seed }
    }

    /// Makes choices up from two octets: for large structures, which would take many.
    pub fn fork(&mut self) -> Source<'static> {
        let seed = u64::from(self.byte()) << 8 | u64::from(self.byte());
        Source::noise(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// Whether all octets are read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.noise == 0
    }

    fn byte(&mut self) -> u8 {
        if self.noise != 0 {
            return (self.next_noise() >> 56) as u8;
        }
        let Some((&first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        first
    }

    /// Xorshift: never gets to 0.
    fn next_noise(&mut self) -> u64 {
        self.noise ^= self.noise << 13;
        self.noise ^= self.noise >> 7;
        self.noise ^= self.noise << 17;
        self.noise.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `limit`, which is at least 1 and at most 65,536.
    pub fn below(&mut self, limit: usize) -> usize {
        let low = usize::from(self.byte());
        if limit <= 256 { low % limit } else { (usize::from(self.byte()) << 8 | low) % limit }
    }

    /// A number of the range, both ends included.
    pub fn between(&mut self, least: usize, most: usize) -> usize {
        least + self.below(most - least + 1)
    }

    /// True about once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == times - 1
    }

    /// One of `choices`; list the simplest first.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// One of `choices`, if there are any.
    pub fn choose<'c, T>(&mut self, choices: &'c [T]) -> Option<&'c T> {
        if choices.is_empty() { None } else { choices.get(self.below(choices.len())) }
    }

    /// Brings `items` into some order; 0 leaves them as they are.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in 0..items.len() {
            let other = at + self.below(items.len() - at);
            items.swap(at, other);
        }
    }

    /// A draw: often at the edges of ranges.
    pub fn draw(&mut self) -> u64 {
        match self.below(4) {
            0 => 0,
            1 => u64::MAX,
            2 => u64::from(self.byte()) << 56,
            _ => u64::from_be_bytes(std::array::from_fn(|_| self.byte())),
        }
    }
}
