/**
 * Maps beside the kernel's: {@code bench/run maps}. Programs that differ in one operation run in the kernel's test run and
 * on Sluice's engine, the same bytecode on both sides, in turns.
 *
 * <pre>
 * x = state                        an array's only value
 * 16 times:
 *     x = xorshift64(x)
 *     index = draw(x)              uniform, or Zipf with exponent 1
 *     key = key of index           4, 13 or 40 bytes, on the stack
 *     sum += words of key          so that no compiler leaves out what makes it
 *     sum += operation(key)        not in the base program
 * state = x, sum
 * </pre>
 *
 * <p>What an operation costs is the difference of the two programs' times divided by 16. Zipf: with n = 2<sup>L</sup>
 * entries a random exponent e below L is drawn and then an index from 2<sup>e</sup> to 2<sup>e+1</sup>, so that the
 * probability of an index falls with its reciprocal.
 *
 * <p>Before anything is measured both sides run the program as often from the same state and must end in the same one.
 */
@NullMarked
package dev.sluice.bench.maps;

import org.jspecify.annotations.NullMarked;
