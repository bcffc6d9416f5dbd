/*
 * What the timer helpers answer, one after the other, right and wrong: kept in `answers`
 * for comparison with the kernel. TimerTest runs `first`, waits, and runs `second`.
 */
#include "../programs/packet.h"

#define CLOCK_REALTIME 0
#define CLOCK_MONOTONIC 1
#define CLOCK_MONOTONIC_RAW 4
#define CLOCK_BOOTTIME 7

#define SECOND 1000000000ULL

struct timed {
	__u64 fired;
	struct bpf_timer timer;
	__u64 key;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __s64);
} answers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct timed);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct timed);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct timed);
} sparse SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct timed);
} lru SEC(".maps");

static void answer(__u32 index, __s64 value)
{
	__s64 *slot = bpf_map_lookup_elem(&answers, &index);

	if (slot)
		*slot = value;
}

static int fires(void *map, __u32 *key, struct timed *v)
{
	v->fired++;
	v->key = *key;
	return 0;
}

/* an expiry of its own, from its own callback */
static int tries(void *map, __u32 *key, struct timed *v)
{
	answer(40, bpf_timer_cancel(&v->timer));
	answer(41, bpf_timer_init(&v->timer, &array, CLOCK_MONOTONIC));
	answer(42, bpf_timer_set_callback(&v->timer, fires));
	answer(43, bpf_timer_start(&v->timer, 0, 0));
	answer(44, *key);
	v->fired++;
	return 0;
}

#define IN_A_HASH(map, at)							\
	do {									\
		struct timed fresh = {}, *v;					\
		__u32 key = 7;							\
		answer(at, bpf_map_update_elem(&map, &key, &fresh, BPF_ANY));	\
		v = bpf_map_lookup_elem(&map, &key);				\
		if (!v)								\
			break;							\
		answer(at + 1, bpf_timer_init(&v->timer, &map, CLOCK_MONOTONIC)); \
		answer(at + 2, bpf_timer_set_callback(&v->timer, fires));	\
		answer(at + 3, bpf_timer_start(&v->timer, SECOND, 0));		\
		/* another value of the same key has no timer */		\
		answer(at + 4, bpf_map_update_elem(&map, &key, &fresh, BPF_EXIST)); \
		v = bpf_map_lookup_elem(&map, &key);				\
		if (!v)								\
			break;							\
		answer(at + 5, bpf_timer_cancel(&v->timer));			\
		answer(at + 6, bpf_timer_init(&v->timer, &map, CLOCK_MONOTONIC)); \
		answer(at + 7, bpf_timer_set_callback(&v->timer, fires));	\
		answer(at + 8, bpf_timer_start(&v->timer, 0, 0));		\
	} while (0)

SEC("xdp")
int first(struct xdp_md *ctx)
{
	__u32 zero = 0, one = 1, two = 2, three = 3;
	struct timed *v = bpf_map_lookup_elem(&array, &zero);
	struct timed *w = bpf_map_lookup_elem(&array, &one);
	struct timed *x = bpf_map_lookup_elem(&array, &two);
	struct timed *y = bpf_map_lookup_elem(&array, &three);
	struct timed fresh = {};

	if (!v || !w || !x || !y)
		return XDP_ABORTED;
	answer(0, bpf_timer_start(&v->timer, SECOND, 0));
	answer(1, bpf_timer_set_callback(&v->timer, fires));
	answer(2, bpf_timer_cancel(&v->timer));
	answer(3, bpf_timer_init(&v->timer, &array, CLOCK_MONOTONIC_RAW));
	answer(4, bpf_timer_init(&v->timer, &array, 16));
	answer(5, bpf_timer_init(&v->timer, &array, CLOCK_MONOTONIC));
	answer(6, bpf_timer_init(&v->timer, &array, CLOCK_MONOTONIC));
	answer(7, bpf_timer_start(&v->timer, SECOND, 0));
	answer(8, bpf_timer_set_callback(&v->timer, fires));
	answer(9, bpf_timer_start(&v->timer, SECOND, 4));
	answer(10, bpf_timer_start(&v->timer, SECOND, 0));
	answer(11, bpf_timer_start(&v->timer, 2 * SECOND, 0));
	answer(12, bpf_timer_cancel(&v->timer));
	answer(13, bpf_timer_cancel(&v->timer));
	answer(14, bpf_timer_start(&v->timer, SECOND, 0));
	answer(15, bpf_timer_set_callback(&v->timer, fires));
	/* long ago, in absolute time: at once */
	answer(16, bpf_timer_start(&v->timer, 1, 1));

	answer(17, bpf_timer_init(&w->timer, &array, CLOCK_BOOTTIME));
	answer(18, bpf_timer_set_callback(&w->timer, tries));
	answer(19, bpf_timer_start(&w->timer, 0, 0));

	/* an element of an array that is written over loses its timer */
	answer(20, bpf_timer_init(&x->timer, &array, CLOCK_REALTIME));
	answer(21, bpf_timer_set_callback(&x->timer, fires));
	answer(22, bpf_timer_start(&x->timer, SECOND, 0));
	answer(23, bpf_map_update_elem(&array, &two, &fresh, BPF_ANY));
	answer(24, bpf_timer_cancel(&x->timer));

	/* for user space to write over */
	answer(25, bpf_timer_init(&y->timer, &array, CLOCK_REALTIME));
	answer(26, bpf_timer_set_callback(&y->timer, fires));
	answer(27, bpf_timer_start(&y->timer, 1000 * SECOND, 0));
	return XDP_PASS;
}

SEC("xdp")
int hashes(struct xdp_md *ctx)
{
	IN_A_HASH(hash, 0);
	IN_A_HASH(sparse, 10);
	IN_A_HASH(lru, 20);
	return XDP_PASS;
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	__u32 three = 3;
	struct timed *y = bpf_map_lookup_elem(&array, &three);

	if (!y)
		return XDP_ABORTED;
	answer(28, bpf_timer_cancel(&y->timer));
	answer(29, bpf_timer_init(&y->timer, &array, CLOCK_MONOTONIC));
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
