/**
 * Maps: the memory that programs share with each other and with user space.
 *
 * <p>{@link dev.sluice.map.MapType} is the table of Linux's map types. A {@link dev.sluice.map.BpfMap} is a live map;
 * it has two faces. Programs look up addresses of values, which are native memory that they read and write in place.
 * User space copies whole keys and values in and out, as {@code bpf(2)} does; for per-CPU maps a user-space value is
 * the values of all CPUs one behind the other, each rounded up to eight bytes. Both give the kernel's error numbers.
 *
 * <p>{@link dev.sluice.map.Maps} makes maps of the types that Sluice has, by the rules of {@code BPF_MAP_CREATE}. The
 * layouts are drawn at {@link dev.sluice.map.ArrayMap}, {@link dev.sluice.map.PerCpuArrayMap}, {@link
 * dev.sluice.map.HashTableMap}, {@link dev.sluice.map.LruLists}, {@link dev.sluice.map.LpmTrieMap} and {@link
 * dev.sluice.map.RingMap}.
 *
 * <p>Types without keys are used with an empty one: {@code put} pushes, {@code get} peeks, {@code lookupAndDelete} pops.
 * What programs send to user space is read from {@link dev.sluice.map.RingBufferMap} and, for each CPU, from
 * {@link dev.sluice.map.PerfRing}. A map in a map is a pointer for programs and an id for user space.
 *
 * <p>Readers never lock. A value that a program got stays memory of that map until the program ends: the memory of a map
 * that was closed, or replaced in another one, is given back when every queue has been in a quiescent state ({@link
 * dev.sluice.memory.QuiescentStates}, which also keeps it while user space reads). Who calls the program's side of a map
 * without an engine enters and leaves as an engine does.
 */
package dev.sluice.map;
