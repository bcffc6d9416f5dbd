/** What compilers made, whole and damaged: read, linked, loaded, taken apart and put together again. */
@NullMarked
package dev.sluice.conformance.object;

import org.jspecify.annotations.NullMarked;
