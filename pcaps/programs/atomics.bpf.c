/*
 * All atomic operations, in 32 and 64 bits, with and without the old value:
 * add, and, or, xor, exchange, compare and exchange; on map values, global
 * variables and the stack. Needs -mcpu=v3.
 */
#include "packet.h"

struct cells {
	__u64 add, and, or, xor, xchg, cmpxchg;
	__u32 add32, and32, or32, xor32, xchg32, cmpxchg32;
	__u64 old; /* what the fetching forms gave back, mixed */
	__u64 won; /* exchanges that compared equal */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct cells);
} cells SEC(".maps");

__u64 global_sum;
__u32 global_xor = 0x5a5a5a5a;

SEC("xdp")
int atomics(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (data + 26 > end)
		return XDP_DROP;
	__u64 v = *(__u64 *)(data + 18);
	__u32 w = *(__u32 *)(data + 14);
	__u32 key = w & 3;
	struct cells *c = bpf_map_lookup_elem(&cells, &key);
	__u64 old = 0;
	__u64 on_stack = v;

	if (!c)
		return XDP_ABORTED;

	/* the value is not used: these become plain atomics */
	__sync_fetch_and_add(&c->add, v);
	__sync_fetch_and_add(&c->add32, w);
	__sync_fetch_and_add(&global_sum, v);
	__sync_fetch_and_xor(&global_xor, w);

	/* and these fetch */
	old += __sync_fetch_and_or(&c->or, v & 0xff);
	old += __sync_fetch_and_and(&c->and, v | 0xff);
	old += __sync_fetch_and_xor(&c->xor, v);
	old += __sync_fetch_and_add(&on_stack, w);
	old += __sync_fetch_and_or(&c->or32, w & 0xf0f0);
	old += __sync_fetch_and_and(&c->and32, w | 0xf);
	old += __sync_fetch_and_xor(&c->xor32, w);
	old += __sync_fetch_and_add(&c->add32, 1);
	old ^= __sync_lock_test_and_set(&c->xchg, v);
	old ^= __sync_lock_test_and_set(&c->xchg32, w);
	/* exchanges every other time: 0 -> v, v' -> 0 */
	__u64 seen = __sync_val_compare_and_swap(&c->cmpxchg, 0, v);
	if (seen == 0)
		__sync_fetch_and_add(&c->won, 1);
	else
		__sync_val_compare_and_swap(&c->cmpxchg, seen, 0);
	__u32 seen32 = __sync_val_compare_and_swap(&c->cmpxchg32, 0, w);
	if (seen32 == 0)
		__sync_fetch_and_add(&c->won, 1);
	else
		__sync_val_compare_and_swap(&c->cmpxchg32, seen32, 0);

	__sync_fetch_and_add(&c->old, old + on_stack + seen + seen32);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
