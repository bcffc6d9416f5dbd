/*
 * Timers in values: a packet starts one for its source (a hash entry that its own
 * callback deletes), and one in an array that ticks every millisecond until it has
 * ticked a hundred times.
 */
#include "../programs/packet.h"

#define CLOCK_MONOTONIC 1
#define TICKS 100

struct source {
	__u64 packets;
	struct bpf_timer idle;
	__u64 started;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct source);
} sources SEC(".maps");

struct tick {
	struct bpf_spin_lock lock;
	__u32 count;
	struct bpf_timer timer;
	__u64 first;
	__u64 last;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct tick);
} ticks SEC(".maps");

__u64 expired;
__u64 expired_packets;
__u64 late;

static int expire(void *map, __u64 *key, struct source *source)
{
	expired++;
	expired_packets += source->packets;
	if (bpf_ktime_get_ns() < source->started + 10000000)
		late++; /* never: it was started again since */
	bpf_map_delete_elem(map, key);
	return 0;
}

static int tick(void *map, __u32 *key, struct tick *tick)
{
	__u64 now = bpf_ktime_get_ns();
	__u32 count;

	bpf_spin_lock(&tick->lock);
	if (!tick->count)
		tick->first = now;
	tick->last = now;
	count = ++tick->count;
	bpf_spin_unlock(&tick->lock);
	if (count < TICKS)
		bpf_timer_start(&tick->timer, 1000000, 0);
	return 0;
}

SEC("xdp")
int expiry(struct xdp_md *ctx)
{
	struct eth_hdr *eth = (void *)(long)ctx->data;
	struct source fresh = {}, *source;
	struct tick *ticking;
	__u64 key = 0;
	__u32 one = 1;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	__builtin_memcpy(&key, eth->src, sizeof(eth->src));

	ticking = bpf_map_lookup_elem(&ticks, &one);
	if (ticking && !bpf_timer_init(&ticking->timer, &ticks, CLOCK_MONOTONIC)) {
		bpf_timer_set_callback(&ticking->timer, tick);
		bpf_timer_start(&ticking->timer, 1000000, 0);
	}

	bpf_map_update_elem(&sources, &key, &fresh, BPF_NOEXIST);
	source = bpf_map_lookup_elem(&sources, &key);
	if (!source)
		return XDP_ABORTED;
	if (!bpf_timer_init(&source->idle, &sources, CLOCK_MONOTONIC))
		bpf_timer_set_callback(&source->idle, expire);
	source->packets++;
	source->started = bpf_ktime_get_ns();
	if (bpf_timer_start(&source->idle, 10000000, 0))
		return XDP_ABORTED;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
