/**
 * Black-box suites: they know a program only by what goes in and what comes out, and run it on every engine.
 *
 * <p>The suites are under {@code src/test}. Beside them, {@code PackageTableTest} holds the table of packages in
 * {@code docs/ARCHITECTURE.md} true.
 */
@NullMarked
package dev.sluice.conformance;

import org.jspecify.annotations.NullMarked;
