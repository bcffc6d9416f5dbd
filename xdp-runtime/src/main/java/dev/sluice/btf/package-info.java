/**
 * BPF Type Format: the types, functions, source lines and relocations that a compiler leaves in a BPF object.
 *
 * <p>Two blobs, both little endian here. <b>.BTF</b> is a table of types whose ids count from 1 (0 is {@code void}) and
 * a table of NUL-terminated strings:
 *
 * <pre>
 *  0      2   3   4        8         12        16        20        24 = hdr_len
 *  +------+---+---+--------+---------+---------+---------+---------+- - - - -+---------+-----------+
 *  | 9FEB | 1 | 0 | hdr_len| type_off| type_len| str_off | str_len | (newer) |  types  |  strings  |
 *  +------+---+---+--------+---------+---------+---------+---------+- - - - -+---------+-----------+
 *   offsets count from the end of the header
 *
 *  a type:  name_off u32 | kflag:1 0:2 kind:5 0:8 vlen:16 | size or type u32 | what the kind adds, vlen times
 *
 *  kind            adds                                  kind            adds
 *   1 INT          encoding:8 offset:8 bits:16           11 RESTRICT     -
 *   2 PTR          -                                     12 FUNC         - (vlen = linkage)
 *   3 ARRAY        type, index type, count               13 FUNC_PROTO   vlen * (name, type)
 *   4 STRUCT       vlen * (name, type, offset)           14 VAR          linkage
 *   5 UNION        vlen * (name, type, offset)           15 DATASEC      vlen * (type, offset, size)
 *   6 ENUM         vlen * (name, value)                  16 FLOAT        -
 *   7 FWD          -                                     17 DECL_TAG     component index
 *   8 TYPEDEF      -                                     18 TYPE_TAG     -
 *   9 VOLATILE     -                                     19 ENUM64       vlen * (name, low, high)
 *  10 CONST        -
 *
 *  kflag: a struct or union member's offset is bitfield_size:8 bit_offset:24; an enum is signed; a FWD is a union
 * </pre>
 *
 * <p><b>.BTF.ext</b> has up to three tables, each one of {@code rec_size u32} and then, for each section of the object,
 * {@code section name, count, count * record}; a record may be longer than what is known of it:
 *
 * <pre>
 *  func_info   insn_off | type id                                    a function starts here
 *  line_info   insn_off | file name | line text | line:22 column:10   the source line of an instruction
 *  core_relo   insn_off | type id | access string | kind             what to adapt to the kernel's own types
 * </pre>
 *
 * <p>{@link dev.sluice.btf.Btf} is the table with types read on demand, {@link dev.sluice.btf.BtfType} one type,
 * {@link dev.sluice.btf.BtfExt} the second blob, {@link dev.sluice.btf.BtfBuilder} writes or changes a table, and
 * {@link dev.sluice.btf.BtfWalker} reads bytes as a value of a type. All values are immutable and may be shared between
 * threads; the builder belongs to one thread. Damaged bytes are a {@link dev.sluice.btf.BtfException}, never another
 * exception.
 *
 * <p>Source: Linux, {@code Documentation/bpf/btf.rst}, and {@code include/uapi/linux/btf.h}.
 */
@NullMarked
package dev.sluice.btf;

import org.jspecify.annotations.NullMarked;
