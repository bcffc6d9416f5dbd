package dev.sluice.helper;

/** Which programs may call a helper. */
enum License {
    /** All. */
    FREE,
    /** Only those whose license is compatible with the GPL. */
    GPL
}
