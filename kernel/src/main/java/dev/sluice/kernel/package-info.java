/**
 * The running Linux kernel as an oracle: {@code bpf(2)} through {@code java.lang.foreign}.
 *
 * <p>Everything starts at {@link dev.sluice.kernel.Kernel#open()}, which gives a value: the kernel, or the one reason
 * why it cannot be used here. From there on an object that holds a file descriptor ({@link dev.sluice.kernel.KernelMap},
 * {@link dev.sluice.kernel.KernelProgram}, {@link dev.sluice.kernel.KernelBtf}) is closed by its owner; closing twice is
 * harmless. A call that fails throws {@link dev.sluice.kernel.BpfException} with the errno by name; what the verifier
 * says of a program is an ordinary result, {@link dev.sluice.kernel.LoadResult}.
 *
 * <h2>The call</h2>
 *
 * <p>{@code long syscall(long number, int cmd, union bpf_attr *attr, unsigned size)}. The union only ever grows at its
 * end: a kernel takes a shorter one as if the rest were zero, and a longer one if the bytes it does not know are zero. So
 * each call passes exactly as much as its own fields need. Layouts, from {@code linux/bpf.h} (uapi), offsets in bytes,
 * little letters are outputs:
 *
 * <pre>
 *  MAP_CREATE        0 map_type  4 key_size  8 value_size  12 max_entries  16 map_flags  20 inner_map_fd
 *                   24 numa_node  28 map_name[16]  44 map_ifindex  48 btf_fd  52 btf_key_type_id
 *                   56 btf_value_type_id  60 btf_vmlinux_value_type_id  64 map_extra (u64)                      72 in all
 *  MAP_*_ELEM        0 map_fd  8 key (pointer)  16 value or next_key (pointer)  24 flags (u64)                  32
 *  MAP_*_BATCH       0 in_batch  8 out_batch  16 keys  24 values (pointers)  32 count (in and out)  36 map_fd
 *                   40 elem_flags (u64)  48 flags (u64)                                                        56
 *  PROG_LOAD         0 prog_type  4 insn_cnt  8 insns  16 license  24 log_level  28 log_size  32 log_buf
 *                   40 kern_version  44 prog_flags  48 prog_name[16]  64 prog_ifindex  68 expected_attach_type
 *                   72 prog_btf_fd  76 func_info_rec_size  80 func_info  88 func_info_cnt  92 line_info_rec_size
 *                   96 line_info  104 line_info_cnt  108 attach_btf_id  112 attach_prog_fd  116 core_relo_cnt
 *                  120 fd_array  128 core_relos  136 core_relo_rec_size  140 log_true_size (out)
 *                  144 prog_token_fd  148 fd_array_cnt                                                        152
 *  PROG_TEST_RUN     0 prog_fd  4 retval (out)  8 data_size_in  12 data_size_out (in and out)  16 data_in
 *                   24 data_out  32 repeat  36 duration (out)  40 ctx_size_in  44 ctx_size_out (in and out)
 *                   48 ctx_in  56 ctx_out  64 flags  68 cpu  72 batch_size                                      80
 *  *_GET_*_ID        0 start_id or id  4 next_id (out)  8 open_flags                                           12
 *  OBJ_GET_INFO      0 bpf_fd  4 info_len (in and out)  8 info (pointer)                                       16
 *  BTF_LOAD          0 btf  8 btf_log_buf  16 btf_size  20 btf_log_size  24 btf_log_level  28 btf_log_true_size 32
 *  ENABLE_STATS      0 type                                                                                     4
 *  PROG_BIND_MAP     0 prog_fd  4 map_fd  8 flags                                                              12
 * </pre>
 *
 * <h2>Threads and memory</h2>
 *
 * <p>Each thread has one small off-heap area for arguments and for the errno (see {@code Call}); objects of this package
 * hold nothing but their descriptor and may be shared between threads, except those that say that they belong to one
 * ({@link dev.sluice.kernel.TestRun} and the readers of events and of the trace pipe). The calls are never "critical" downcalls: a
 * load or a test run may take seconds, and would hold up every safepoint of the JVM.
 */
@NullMarked
package dev.sluice.kernel;

import org.jspecify.annotations.NullMarked;
