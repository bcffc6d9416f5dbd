/*
 * Finds the heavy hitters: a count-min sketch over flows (Cormode and
 * Muthukrishnan 2005) and a small table of the largest, kept by bpf_loop; a
 * HyperLogLog-like register array counts distinct sources.
 */
#include "app.h"

#define ROWS 4
#define COLUMNS 512
#define TOP 16
#define REGISTERS 256

struct flow {
	__be32 src;
	__be32 dst;
	__be16 sport;
	__be16 dport;
	__u32 proto;
};

struct sketch {
	__u32 cells[ROWS][COLUMNS];
};

struct top {
	struct flow flow;
	__u32 estimate;
	__u32 replaced;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct sketch);
	__uint(max_entries, 1);
} sketches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct top);
	__uint(max_entries, TOP);
} largest SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, __u8);
	__uint(max_entries, REGISTERS);
} distinct SEC(".maps");

__u64 counted, skipped, found_at_once, replaced;

struct search {
	struct flow flow;
	__u32 estimate;
	__u32 smallest;
	__u32 smallest_at;
	__u32 at; /* TOP: not there */
};

static long visit(__u32 index, void *context)
{
	struct search *search = context;
	__u32 key = index;
	struct top *top = bpf_map_lookup_elem(&largest, &key);

	if (!top)
		return 1;
	if (top->flow.src == search->flow.src && top->flow.dst == search->flow.dst && top->flow.proto == search->flow.proto &&
	    top->flow.sport == search->flow.sport && top->flow.dport == search->flow.dport) {
		search->at = index;
		return 1;
	}
	if (top->estimate < search->smallest) {
		search->smallest = top->estimate;
		search->smallest_at = index;
	}
	return 0;
}

static __always_inline void add_distinct(__be32 addr)
{
	__u32 hash = hash_words(&addr, 1, 4711), key = hash % REGISTERS, rank = 1;
	__u8 *reg = bpf_map_lookup_elem(&distinct, &key);

	hash >>= 8;
	for (int i = 0; i < 20; i++) {
		if (hash & 1)
			break;
		hash >>= 1;
		rank++;
	}
	if (reg && *reg < rank)
		*reg = rank;
}

SEC("xdp")
int heavy_hitters(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct search search = { .smallest = ~0u, .at = TOP };
	__u32 zero = 0, estimate = ~0u;
	struct sketch *sketch;
	struct top *top;
	__be16 proto;
	__u16 vlan;
	int off = skip_eth(data, end, &proto, &vlan);

	if (off < 0 || proto != bpf_htons(ETH_P_IP)) {
		__sync_fetch_and_add(&skipped, 1);
		return XDP_PASS;
	}
	struct ipv4_hdr *ip = data + off;

	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	search.flow.src = ip->src;
	search.flow.dst = ip->dst;
	search.flow.proto = ip->proto;
	if (ip->proto == IPPROTO_TCP || ip->proto == IPPROTO_UDP) {
		struct udp_hdr *ports = (void *)(ip + 1);

		if ((void *)(ports + 1) > end)
			return XDP_PASS;
		search.flow.sport = ports->src;
		search.flow.dport = ports->dst;
	}
	add_distinct(ip->src);
	sketch = bpf_map_lookup_elem(&sketches, &zero);
	if (!sketch)
		return XDP_PASS;
	for (int row = 0; row < ROWS; row++) {
		__u32 column = hash_words((__u32 *)&search.flow, 4, 1000 + row) % COLUMNS;
		__u32 now = __sync_fetch_and_add(&sketch->cells[row][column], 1) + 1;

		if (now < estimate)
			estimate = now;
	}
	search.estimate = estimate;
	__sync_fetch_and_add(&counted, 1);
	bpf_loop(TOP, visit, &search, 0);
	if (search.at < TOP) {
		top = bpf_map_lookup_elem(&largest, &search.at);
		if (top)
			top->estimate = estimate;
		__sync_fetch_and_add(&found_at_once, 1);
	} else if (estimate > search.smallest || search.smallest == 0) {
		top = bpf_map_lookup_elem(&largest, &search.smallest_at);
		if (top) {
			top->flow = search.flow;
			top->estimate = estimate;
			top->replaced++;
		}
		__sync_fetch_and_add(&replaced, 1);
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
