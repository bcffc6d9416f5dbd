/**
 * Object files: from the bytes of a {@code .bpf.o} to programs whose every reference has a name.
 *
 * <p>A compiler leaves an ELF64 file, little endian, of machine {@code EM_BPF}. What the sections mean:
 *
 * <pre>
 *  section                        what it becomes
 *  xdp, xdp.frags, xdp/devmap,    programs: the section's name says the type ({@link dev.sluice.object.SectionName}),
 *  xdp/cpumap, any other name     each function symbol is one
 *  .text, static functions        subprograms, appended to every program that calls them
 *  .maps                          maps, described by BTF ({@link dev.sluice.object.MapSpec})
 *  maps                           maps as loaders before BTF had them, entries of 20 bytes and more
 *  .data* .rodata* .bss*          array maps with one entry: global variables
 *  .kconfig, .ksyms (BTF only)    what the kernel knows: configuration, variables, functions
 *  license, version               text; a number of four bytes
 *  .BTF, .BTF.ext                 types; functions, source lines and CO-RE relocations
 *  .rel*, .symtab, .strtab        what refers to what
 *
 *  relocation     number  place      stands for
 *  R_BPF_64_64    1       lddw       a map, a variable in a map's value, the address of a function, a kernel symbol
 *  R_BPF_64_ABS64 2       .maps      a map or program that another map starts with
 *  R_BPF_64_32    10      call       a function here, or one of the kernel's
 *  (REL: what the place holds is added to the symbol's value; a RELA's own addend is used instead)
 * </pre>
 *
 * <p>{@link dev.sluice.object.ObjectSpec} is the whole of it, inert: reading the same bytes gives an equal value on any
 * machine. {@link dev.sluice.object.Linker} joins a program with the subprograms that it calls, in the order in which
 * libbpf does it (first called, first appended, depth first), applies CO-RE relocations and leaves a list of
 * {@link dev.sluice.object.Reference}s for whoever has live maps: an engine here, or the kernel.
 *
 * <p>Damaged files, and files of another kind, are an {@link dev.sluice.object.ObjectException} with a message for a
 * person, never another exception. What concerns one program only is refused when that program is linked.
 *
 * <p>Sources: the ELF specification (gABI), LLVM's "BPF" backend documentation on relocations, and the kernel's
 * {@code Documentation/bpf/libbpf/program_types.rst} and {@code llvm_reloc.rst}.
 */
@NullMarked
package dev.sluice.object;

import org.jspecify.annotations.NullMarked;
