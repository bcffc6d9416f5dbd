/*
 * Per-CPU counters: a histogram of packet lengths by powers of two, in a
 * per-CPU array, and beside it an array with one element per CPU number, which
 * counts what bpf_get_smp_processor_id said. Both must add up to the same.
 */
#include "packet.h"

struct bucket {
	__u64 packets;
	__u64 bytes;
	__u32 shortest;
	__u32 longest;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 17);
	__type(key, __u32);
	__type(value, struct bucket);
} lengths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} by_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} by_queue SEC(".maps");

static __always_inline __u32 log2_of(__u32 v)
{
	__u32 r = 0;

	for (int step = 8; step; step >>= 1) {
		if (v >> step) {
			v >>= step;
			r += step;
		}
	}
	return r;
}

static __always_inline void count(void *map, __u32 key)
{
	__u64 *n = bpf_map_lookup_elem(map, &key);

	if (n)
		__sync_fetch_and_add(n, 1);
}

SEC("xdp")
int percpu_stats(struct xdp_md *ctx)
{
	__u32 len = ctx->data_end - ctx->data;
	__u32 key = log2_of(len);
	struct bucket *b = bpf_map_lookup_elem(&lengths, &key);

	if (!b)
		return XDP_ABORTED;
	if (b->packets == 0 || len < b->shortest)
		b->shortest = len;
	if (len > b->longest)
		b->longest = len;
	b->packets++;
	b->bytes += len;

	count(&by_cpu, bpf_get_smp_processor_id());
	count(&by_queue, ctx->rx_queue_index);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
