/**
 * Measuring programs packet by packet, as {@code sluice bench} shows it.
 *
 * <p><b>The protocol</b> is that of the kernel's test run (BPF_PROG_TEST_RUN with {@code repeat}), for everything that is
 * compared: each packet of a {@link dev.sluice.packet.measure.PacketSet.Sample} is run {@code repeat} times in a row, every
 * run on the packet as the last one left it. A round's result is the mean over the sample, weighted by how many of the chosen
 * packets had these bytes, in nanoseconds of CPU time of the measuring thread, so that time in which somebody else had the CPU
 * does not count.
 *
 * <p><b>Rounds are interleaved</b> ({@link dev.sluice.packet.measure.Race}): one of each contender by the same thread, then the
 * next, so that a machine that gets slower or busier does so for all of them; another one begins each time. The result is the
 * median over the rounds, the spread its quartiles.
 *
 * <p><b>Warm-up</b> ({@link dev.sluice.packet.measure.SteadyState}): rounds of each contender alone, until they have stopped
 * changing. All of the engine's, measured ones included, are then cut at the points where their level changes (binary
 * segmentation of the logarithms with a penalty for each cut); the steady state begins with the first segment from which on
 * all segments are as fast as the last one, behind slow rounds at its beginning. Measured rounds before that do not count.
 *
 * <p><b>Stability</b> ({@link dev.sluice.packet.measure.Stability}): the protocol says something about a program only when the
 * program does the same thing with its own output, which is why runs on it are compared with the first.
 *
 * <p><b>Beside the protocol</b> there are an engine's rate over a whole set of packets, each once and restored in each round
 * ({@link dev.sluice.packet.measure.WholeSetContender}); what a change of traffic costs
 * ({@link dev.sluice.packet.measure.TrafficChange}), and a warm-up that covers what the sample does not show
 * ({@link dev.sluice.packet.measure.WarmUp}); datapaths ({@link dev.sluice.packet.measure.DatapathContender},
 * {@link dev.sluice.packet.measure.LiveContender}, {@link dev.sluice.packet.measure.Stages}).
 */
@NullMarked
package dev.sluice.packet.measure;

import org.jspecify.annotations.NullMarked;
