/*
 * What user space decides before a load: constants of many types, a size,
 * entries of maps, programs in slots, inner maps, programs of entries that
 * packets are redirected to. And events to read: of a ring buffer, and of a
 * perf event array with the start of the packet behind them.
 */
#include "../packet.h"

enum mode {
	MODE_COUNT,
	MODE_REPORT = 3,
	MODE_FORWARD,
};

struct gateway {
	__be32 addr;
	__u8 mac[6];
	__u8 addr6[16];
};

struct config {
	__u32 min_length;
	__u16 ports[4];
	struct gateway gateway;
	enum mode mode;
	_Bool strict;
};

const volatile struct config config = { .mode = MODE_COUNT };
const volatile char name[8] = "none";
__u64 seen;
__s32 balance = -5;

struct event {
	__u64 number;
	__u32 length;
	__be32 src;
	enum mode mode;
	char name[8];
};

/* nothing refers to a type by itself: it has to be there to be named */
const struct event *event_type __attribute__((unused));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} samples SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __be32);
	__type(value, __u64);
} hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} jumps SEC(".maps");

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
} tenants SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 8);
	__type(value, __u32);
} tickets SEC(".maps");

static __always_inline void report(struct xdp_md *ctx, __be32 src, __u32 length)
{
	struct event sample = { seen, length, src, config.mode, {} };
	struct event *event;

	for (int i = 0; i < sizeof(sample.name); i++)
		sample.name[i] = name[i];
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (event) {
		*event = sample;
		bpf_ringbuf_submit(event, 0);
	}
	bpf_perf_event_output(ctx, &samples, BPF_F_CURRENT_CPU | (__u64)16 << 32, &sample, sizeof(sample));
}

SEC("xdp")
int options(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 length = end - data, tenant = 7, ticket, slot = 0;
	__u64 *hits;
	void *inner;

	seen++;
	balance++;
	if (length < config.min_length)
		return config.strict ? XDP_ABORTED : XDP_DROP;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
	hits = bpf_map_lookup_elem(&hosts, &ip->src);
	if (hits)
		__sync_fetch_and_add(hits, 1);
	hits = bpf_map_lookup_elem(&totals, &slot);
	if (hits)
		*hits += length;
	inner = bpf_map_lookup_elem(&tenants, &tenant);
	if (inner) {
		hits = bpf_map_lookup_elem(inner, &ip->src);
		if (hits)
			__sync_fetch_and_add(hits, 1);
	}
	if (!bpf_map_pop_elem(&tickets, &ticket))
		balance += ticket;
	switch (config.mode) {
	case MODE_REPORT:
		report(ctx, ip->src, length);
		break;
	case MODE_FORWARD:
		return bpf_redirect_map(&ports, 0, XDP_DROP);
	default:
		bpf_tail_call(ctx, &jumps, 2);
	}
	return ip->dst == config.gateway.addr ? XDP_TX : XDP_PASS;
}

SEC("xdp")
int spread(struct xdp_md *ctx)
{
	return bpf_redirect_map(&cpus, 0, XDP_DROP);
}

SEC("xdp")
int next(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp/devmap")
int egress(struct xdp_md *ctx)
{
	return ctx->egress_ifindex == 3 ? XDP_PASS : XDP_DROP;
}

SEC("xdp/cpumap")
int remote(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
