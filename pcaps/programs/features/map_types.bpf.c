/*
 * Maps of the types that XDP programs use, as they are declared in .maps: with
 * inner maps of both notations, initial values, flags, pinning, numa node, and
 * a size that the loader has to set (max_entries 0).
 */
#include "../packet.h"

struct value {
	__u64 packets;
	__u32 kind;
	union {
		__u32 word;
		__u8 bytes[4];
	};
	enum { SMALL, LARGE = 7, HUGE = 0x7fffffff } size;
	struct {
		__u16 low : 4;
		__u16 high : 12;
	} bits;
};

struct lpm_key {
	__u32 prefix_len;
	__be32 addr;
};

typedef __u64 counter_t;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 100);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __be32);
	__type(value, struct value);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 100);
	__type(key, __be32);
	__type(value, counter_t);
} percpu_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 100);
	__type(key, __be32);
	__type(value, counter_t);
} lru_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 100);
	__type(key, __be32);
	__type(value, counter_t);
} lru_percpu_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 100);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_RDONLY_PROG);
	__type(key, struct lpm_key);
	__type(value, __u32);
} lpm SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(key_size, 4);
	__uint(value_size, 8);
} array_by_size SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3);
	__uint(pinning, LIBBPF_PIN_NONE);
	__type(key, int);
	__type(value, long);
} array_not_pinned SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
};

struct inner inner_a SEC(".maps"), inner_b SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} array_of_maps SEC(".maps") = {
	.values = { [0] = &inner_a, [3] = &inner_b },
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(max_entries, 16);
		__type(key, __be32);
		__type(value, __u64);
	});
} hash_of_maps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} devmap_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} cpumap SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} xskmap SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 64 * 1024);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 32);
	__type(value, __u32);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_STACK);
	__uint(max_entries, 32);
	__type(value, __u32);
} stack SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 1000);
	__uint(map_extra, 3);
	__type(value, __u32);
} bloom SEC(".maps");

SEC("xdp")
int map_types(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	counter_t one = 1, *n;
	__u32 slot = 0, *route;
	void *inner;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
	__be32 src = ip->src;
	struct lpm_key prefix = { 32, src };
	struct value v = { .packets = 1, .size = LARGE, .bits = { .low = 3, .high = 0xabc } };

	bpf_map_update_elem(&hash, &src, &v, BPF_NOEXIST);
	bpf_map_update_elem(&percpu_hash, &src, &one, BPF_NOEXIST);
	bpf_map_update_elem(&lru_hash, &src, &one, BPF_ANY);
	bpf_map_update_elem(&lru_percpu_hash, &src, &one, BPF_ANY);
	route = bpf_map_lookup_elem(&lpm, &prefix);
	if (route)
		return bpf_redirect_map(&devmap_hash, *route, 0);
	n = bpf_map_lookup_elem(&array_by_size, &slot);
	if (n)
		(*n)++;
	n = bpf_map_lookup_elem(&array_not_pinned, &slot);
	if (n)
		(*n)++;
	inner = bpf_map_lookup_elem(&array_of_maps, &slot);
	if (inner) {
		n = bpf_map_lookup_elem(inner, &slot);
		if (n)
			(*n)++;
	}
	inner = bpf_map_lookup_elem(&hash_of_maps, &slot);
	if (inner)
		bpf_map_update_elem(inner, &src, &one, BPF_ANY);
	bpf_map_push_elem(&queue, &src, BPF_EXIST);
	bpf_map_push_elem(&stack, &src, BPF_EXIST);
	bpf_map_push_elem(&bloom, &src, BPF_ANY);
	bpf_ringbuf_output(&ring, &src, sizeof(src), BPF_RB_NO_WAKEUP);
	bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &src, sizeof(src));
	if (ip->proto == IPPROTO_TCP)
		return bpf_redirect_map(&cpumap, 0, XDP_PASS);
	return bpf_redirect_map(&xskmap, ctx->rx_queue_index, XDP_PASS);
}

char LICENSE[] SEC("license") = "GPL";
