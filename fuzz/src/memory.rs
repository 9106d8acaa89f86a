//! How much memory a reader holds, as its allocations count it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The most that may be held for each byte of the input: a body of 1 MiB, the largest that is taken, is 128 MiB at most.
/// A list of `{}` costs most.
const PER_BYTE: usize = 128;

/// The least that is allowed, for the smallest inputs.
const AT_LEAST: usize = 16 * 1024;

/// Reads an input; panics when that held more memory at once than the input's size allows.
pub fn bounded<T>(input: &[u8], read: impl FnOnce() -> T) -> T {
    let before = HELD.load(Relaxed);
    MOST.store(before, Relaxed);
    let value = read();
    let most = MOST.load(Relaxed) - before;
    assert!(most <= AT_LEAST + PER_BYTE * input.len(), "{most} bytes were held for {} read", input.len());
    value
}

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static COUNTED: Counted = Counted;

/// The system's allocator, with a count of what it has given out. libFuzzer runs a target on one thread.
struct Counted;

fn given(bytes: usize) {
    let held = HELD.load(Relaxed).wrapping_add(bytes);
    HELD.store(held, Relaxed);
    if held > MOST.load(Relaxed) {
        MOST.store(held, Relaxed);
    }
}

fn taken_back(bytes: usize) {
    HELD.store(HELD.load(Relaxed).wrapping_sub(bytes), Relaxed);
}

// SAFETY: every call is the system allocator's own; counting touches none of the memory.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        given(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        given(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        taken_back(layout.size());
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        taken_back(layout.size());
        given(size);
        unsafe { System.realloc(memory, layout, size) }
    }
}
