/**
 * Maps under concurrency: queue threads run one program on shared maps while other threads read, write, iterate and replace
 * inner maps as user space does. {@link dev.sluice.conformance.soak.Soak} holds it to what must be true whatever the order:
 *
 * <pre>
 * no atomic update is lost          counters and tallies add up to the packets
 * no CPU's value is another's       per-CPU counters add up, too
 * no value is torn                  pairs of complements: in hashes without preallocation, tries, inner maps, for user space everywhere
 * a held value stays what it was    until the program ends, though others replace and delete it
 * locks exclude                     two counters under one lock are equal, for user space with BPF_F_LOCK as well
 * an LRU is never too full          at most max_entries at any time, counted by user space
 * nothing is lost uncounted         samples read and samples refused are all that were produced, in each CPU's order
 * a trie finds the shorter prefix   while longer ones come and go
 * everything is given back          replaced maps, and timers, when all is over
 * </pre>
 */
@NullMarked
package dev.sluice.conformance.soak;

import org.jspecify.annotations.NullMarked;
