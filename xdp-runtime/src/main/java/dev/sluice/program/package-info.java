/**
 * Linked programs: what engines run. Every reference is resolved: an {@code lddw} of a map holds the map's pointer, one
 * of a map value holds a real address, calls go to slots of the same code.
 */
@NullMarked
package dev.sluice.program;

import org.jspecify.annotations.NullMarked;
