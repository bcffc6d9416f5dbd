package dev.sluice.helper;

/** What a helper gives back in r0. */
public enum ReturnKind {
    INTEGER,
    VOID,
    MAP_VALUE_OR_NULL,
    MEM_OR_NULL,
    SOCKET_OR_NULL
}
