package dev.sluice.jit;

import dev.sluice.memory.Regions;

/** An access at a constant address that code makes without asking, as to global variables; or anywhere in an area. */
record Assumption(long address, long size, boolean write) {
    boolean holds(Regions regions) {
        return regions.allows(address, size, write);
    }
}
