/*
 * What functions may take and give back: arguments of global functions, tail calls in functions, references
 * in callbacks.
 */
#include "../programs/packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} programs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_USER_RINGBUF);
	__uint(max_entries, 4096);
} user_ring SEC(".maps");

volatile int sink;

static __attribute__((noinline)) int jump(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &programs, 1);
	return 1;
}

/* the function's caller may find itself with another packet */
SEC("xdp")
int packet_after_function_with_tail_call(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;

	if (data + 4 > (__u8 *)(long)ctx->data_end)
		return XDP_DROP;
	sink = jump(ctx);
	return data[3];
}

static __attribute__((noinline)) int jump_or_read(struct xdp_md *ctx)
{
	volatile __u8 *data = (void *)(long)ctx->data;

	if (data + 4 > (__u8 *)(long)ctx->data_end)
		return 0;
	bpf_tail_call(ctx, &programs, 0);
	return data[3];
}

/* where it failed, it is the same packet */
SEC("xdp")
int packet_after_failed_tail_call(struct xdp_md *ctx)
{
	sink = jump_or_read(ctx);
	return XDP_PASS;
}

SEC("xdp")
int result_of_tail_call_is_any_number(struct xdp_md *ctx)
{
	volatile char buffer[8] = {};
	__u32 at = jump(ctx);

	return buffer[at];
}

SEC("xdp")
int tail_call_above_large_stack(struct xdp_md *ctx)
{
	__u64 words[38];

	words[0] = 1;
	asm volatile("" : : "r"(words) : "memory");
	sink = jump(ctx);
	return words[0];
}

SEC("xdp")
int map_that_nobody_made(struct xdp_md *ctx)
{
	/* lddw of the map with descriptor 77 */
	asm volatile(".byte 0x18, 0x11, 0, 0, 77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0" ::: "r1");
	return XDP_PASS;
}

struct unknown;

__attribute__((noinline)) int takes_incomplete_type(const struct unknown *pointer)
{
	return pointer ? *(const int *)pointer : sink;
}

SEC("xdp")
int global_function_of_incomplete_type(struct xdp_md *ctx)
{
	return takes_incomplete_type(0);
}

__attribute__((noinline)) int takes_anything(void *pointer)
{
	return pointer ? sink : 0;
}

SEC("xdp")
int global_function_of_void_pointer(struct xdp_md *ctx)
{
	return takes_anything(ctx);
}

__attribute__((noinline)) void gives_nothing(int value)
{
	sink = value;
}

SEC("xdp")
int global_function_without_result(struct xdp_md *ctx)
{
	gives_nothing(1);
	return XDP_PASS;
}

/* hidden: a static function to the kernel, which is walked with what the caller has */
__attribute__((noinline, visibility("hidden"))) int hidden(struct xdp_md *ctx, __u8 *data)
{
	return data + 1 > (__u8 *)(long)ctx->data_end ? 0 : *data;
}

SEC("xdp")
int hidden_function_is_static(struct xdp_md *ctx)
{
	return hidden(ctx, (void *)(long)ctx->data);
}

static long got_sample(struct bpf_dynptr *sample, void *context)
{
	char bytes[4] = {};

	bpf_dynptr_read(bytes, sizeof(bytes), sample, 0, 0);
	return bytes[0] & 1;
}

SEC("xdp")
int sample_is_read(struct xdp_md *ctx)
{
	return bpf_user_ringbuf_drain(&user_ring, got_sample, 0, 0);
}

static long moved_sample(struct bpf_dynptr *sample, void *context)
{
	char bytes[4] = {};

	bpf_dynptr_read(bytes, sizeof(bytes), (void *)sample + 16, 0, 0);
	return 0;
}

SEC("xdp")
int sample_is_moved_up(struct xdp_md *ctx)
{
	return bpf_user_ringbuf_drain(&user_ring, moved_sample, 0, 0);
}

static long sample_before(struct bpf_dynptr *sample, void *context)
{
	return bpf_dynptr_data((void *)sample - 16, 0, 8) != 0;
}

SEC("xdp")
int sample_is_moved_down(struct xdp_md *ctx)
{
	return bpf_user_ringbuf_drain(&user_ring, sample_before, 0, 0);
}

static long writes_reserved(__u32 round, void *context)
{
	*(__u32 *)context = round;
	return 0;
}

/* a reference may be held while a callback runs */
SEC("xdp")
int callback_under_reference(struct xdp_md *ctx)
{
	__u64 *entry = bpf_ringbuf_reserve(&ring, 8, 0);
	__u32 last = 0;

	if (!entry)
		return XDP_DROP;
	bpf_loop(4, writes_reserved, &last, 0);
	*entry = last;
	bpf_ringbuf_submit(entry, 0);
	return XDP_PASS;
}

static long leaks(__u32 round, void *context)
{
	return bpf_ringbuf_reserve(&ring, 8, 0) == 0;
}

SEC("xdp")
int callback_leaks_reference(struct xdp_md *ctx)
{
	bpf_loop(4, leaks, 0, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
