package dev.sluice.jit;

import dev.sluice.map.MapTable;
import dev.sluice.memory.Regions;

/** The runtime that code is made for. What code takes from it for certain is asked anew whenever it has changed. */
record Surroundings(MapTable maps, Regions regions) {}
