/*
 * A bit of everything on maps that all queues and user space share: each packet carries
 * the random number that says which keys. What can be wrong is counted in `errors`, by
 * the number of the check; sluice-soak runs it on several threads at once.
 */
#include "../programs/packet.h"

#define CLOCK_MONOTONIC 1
#define CPUS 8

struct pair {
	__u64 value;
	__u64 complement;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} errors SEC(".maps");

/* how often: packets, samples produced, samples without room, pushed, popped, timers fired */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} tally SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} percpu_tally SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct pair);
} sparse SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u32);
	__type(value, struct pair);
} lru SEC(".maps");

struct prefix {
	__u32 length;
	__u8 data[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 512);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, struct pair);
} routes SEC(".maps");

struct locked {
	struct bpf_spin_lock lock;
	__u32 padding;
	__u64 one;
	__u64 other;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct locked);
} locked SEC(".maps");

struct sample {
	__u32 cpu;
	__u32 padding;
	__u64 number;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16384);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CPUS);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pair);
} first_inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { &first_inner },
};

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 128);
	__type(value, __u64);
} queue SEC(".maps");

struct timed {
	__u64 packets;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct timed);
} timed SEC(".maps");

static void count(void *map, __u32 index, __u64 by)
{
	__u64 *slot = bpf_map_lookup_elem(map, &index);

	if (slot)
		__sync_fetch_and_add(slot, by);
}

static int expire(void *map, __u32 *key, struct timed *v)
{
	__u32 own = *key;

	count(&counts, 5, 1);
	if (v->packets & 1)
		bpf_timer_start(&v->timer, 10000, 0);
	else
		bpf_map_delete_elem(map, &own);
	v->packets++;
	return 0;
}

static long sum(void *map, __u32 *key, __u64 *value, __u64 *total)
{
	*total += *value;
	return 0;
}

static void adding(__u32 r)
{
	__u32 key = r & 63, zero = 0;
	__u64 none = 0, *slot;

	count(&counts, 0, 1);
	slot = bpf_map_lookup_elem(&percpu, &zero);
	if (slot)
		++*slot;
	bpf_map_update_elem(&tally, &key, &none, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&tally, &key);
	if (slot)
		__sync_fetch_and_add(slot, 1);
	else
		count(&errors, 0, 1);
	bpf_map_update_elem(&percpu_tally, &key, &none, BPF_NOEXIST);
	slot = bpf_map_lookup_elem(&percpu_tally, &key);
	if (slot)
		++*slot;
	else
		count(&errors, 1, 1);
}

static struct pair *hold_sparse(__u32 r)
{
	__u32 key = r & 31;
	struct pair pair = { .value = r, .complement = ~(__u64)r };
	struct pair *found = bpf_map_lookup_elem(&sparse, &key);

	if (found && found->value != ~found->complement)
		count(&errors, 2, 1);
	if (r & 1 << 12)
		bpf_map_delete_elem(&sparse, &key);
	else
		bpf_map_update_elem(&sparse, &key, &pair, BPF_ANY);
	return found;
}

static void use_lru(__u32 r)
{
	struct pair pair = { .value = r, .complement = ~(__u64)r };
	__u32 key = r >> 4 & 4095;

	if (!bpf_map_lookup_elem(&lru, &key))
		bpf_map_update_elem(&lru, &key, &pair, BPF_ANY);
}

static struct pair *hold_route(__u32 r)
{
	struct pair pair = { .value = r, .complement = ~(__u64)r };
	struct pair *found;
	struct prefix prefix = {
		.length = 9 + (r >> 8) % 24,
		.data = { 10, r >> 16 & 1, r >> 20 & 1, r >> 24 & 1 },
	};

	if (r & 1 << 13)
		bpf_map_delete_elem(&routes, &prefix);
	else
		bpf_map_update_elem(&routes, &prefix, &pair, BPF_ANY);
	prefix.length = 32;
	found = bpf_map_lookup_elem(&routes, &prefix);
	if (!found)
		count(&errors, 4, 1); /* 10.0.0.0/8 is always there */
	else if (found->value != ~found->complement)
		count(&errors, 5, 1);
	return found;
}

static void locking(__u32 r)
{
	__u32 key = r >> 5 & 1;
	struct locked *v = bpf_map_lookup_elem(&locked, &key);
	int differ;

	if (!v)
		return;
	bpf_spin_lock(&v->lock);
	differ = v->one != v->other;
	v->one++;
	v->other++;
	bpf_spin_unlock(&v->lock);
	/* an entry that user space has replaced as a whole may be another's already */
	if (differ && key == 0)
		count(&errors, 6, 1);
}

static void inner(void)
{
	__u32 zero = 0;
	struct pair *found;
	void *map = bpf_map_lookup_elem(&outer, &zero);

	if (!map)
		return;
	found = bpf_map_lookup_elem(map, &zero);
	if (!found || found->value != ~found->complement)
		count(&errors, 7, 1);
}

static void sending(__u32 cpu)
{
	struct sample *sample;
	__u64 *number, value;

	number = bpf_map_lookup_elem(&numbers, &cpu);
	if (!number)
		return;
	count(&counts, 1, 1);
	sample = bpf_ringbuf_reserve(&ring, sizeof(*sample), 0);
	if (!sample) {
		count(&counts, 2, 1);
	} else {
		sample->cpu = cpu;
		sample->number = ++*number;
		bpf_ringbuf_submit(sample, 0);
	}
	value = cpu + 1;
	if (!bpf_map_push_elem(&queue, &value, 0))
		count(&counts, 3, value);
	if (!bpf_map_pop_elem(&queue, &value))
		count(&counts, 4, value);
}

static void timing(__u32 r)
{
	__u32 key = r >> 7 & 127;
	struct timed fresh = {}, *v;

	bpf_map_update_elem(&timed, &key, &fresh, BPF_NOEXIST);
	v = bpf_map_lookup_elem(&timed, &key);
	if (!v)
		return;
	if (!bpf_timer_init(&v->timer, &timed, CLOCK_MONOTONIC))
		bpf_timer_set_callback(&v->timer, expire);
	if (r & 1 << 14)
		bpf_timer_cancel(&v->timer);
	else
		bpf_timer_start(&v->timer, r & 0xffff, 0);
	if (!(r >> 20 & 15))
		bpf_map_delete_elem(&timed, &key);
}

SEC("xdp")
int shared_maps(struct xdp_md *ctx)
{
	__u32 *random = (void *)(long)ctx->data;
	__u32 r, zero = 0;
	__u64 total = 0, sparse_value = 0, route_value = 0, *after;
	struct pair *sparse_held, *route_held;

	if ((void *)(random + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	r = *random;
	sparse_held = hold_sparse(r);
	if (sparse_held)
		sparse_value = sparse_held->value;
	route_held = hold_route(r);
	if (route_held)
		route_value = route_held->value;
	adding(r);
	use_lru(r);
	locking(r);
	inner();
	sending(bpf_get_smp_processor_id() & (CPUS - 1));
	timing(r);
	if (!(r >> 25)) {
		/* what one meets on the way was there before */
		bpf_for_each_map_elem(&tally, sum, &total, 0);
		after = bpf_map_lookup_elem(&counts, &zero);
		if (after && total > *after)
			count(&errors, 8, 1);
	}
	/* they may have been replaced or deleted, and are nobody else's yet */
	if (sparse_held && (sparse_held->value != sparse_value || sparse_held->complement != ~sparse_value))
		count(&errors, 3, 1);
	if (route_held && (route_held->value != route_value || route_held->complement != ~route_value))
		count(&errors, 9, 1);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
