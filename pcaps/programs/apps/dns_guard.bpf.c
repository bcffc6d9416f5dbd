/*
 * A DNS guard in front of a server: reads the question of every query, counts
 * by type, drops what a blocklist names (whole names and their parents), drops
 * ANY and oversized queries, limits queries of each /24 and /64 by a token
 * bucket, and lets large answers through only to who asked.
 */
#include "app.h"

#define MAX_NAME 64 /* bytes on the wire */
#define MAX_LABELS 6
#define BURST 6

/* As on the wire, in lower case: lengths of labels are below 'A', so they stay. Zeroes fill it up. */
struct name {
	__u8 wire[MAX_NAME];
};

struct source {
	__be32 net[2];
	__u32 family;
};

struct bucket {
	__u64 tokens;
	__u64 seen;
	__u64 dropped;
};

struct query {
	__be32 addr[4];
	__be16 port;
	__be16 id;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct name);
	__type(value, __u64);
	__uint(max_entries, 1024);
} blocklist SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct source);
	__type(value, struct bucket);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct query);
	__type(value, __u16);
	__uint(max_entries, 8192);
} asked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct name[2]); /* the second stays zero: names are cut from the first on */
	__uint(max_entries, 1);
} scratch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__type(key, __u16);
	__type(value, __u64);
	__uint(max_entries, 256);
} types SEC(".maps");

enum verdict { V_PASS, V_NOT_DNS, V_MALFORMED, V_BLOCKED, V_ANY, V_LIMITED, V_ANSWER, V_UNASKED, V_COUNT };
COUNTERS(verdicts, enum verdict, V_COUNT);

struct dns_hdr {
	__be16 id;
	__be16 flags;
	__be16 questions;
	__be16 answers;
	__be16 authority;
	__be16 additional;
};

const volatile __u32 queries_per_burst = BURST;
__u64 clock; /* packets so far: time without a clock */

/* The question's name; its length on the wire, or -1. */
static __noinline int read_name(struct xdp_md *ctx, __u32 offset, struct name *name)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u8 *p;

	if (!name || offset > 256)
		return -1;
	p = data + offset;
	for (__u32 i = 0; i < MAX_NAME; i++) {
		if ((void *)(p + i + 1) > end)
			return -1;
		__u8 c = p[i];

		if (c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		name->wire[i] = c;
		if (c == 0)
			return i + 1;
	}
	return -1;
}

/* Whether the name or one of its parents is on the list. */
static __always_inline int is_blocked(struct name *names)
{
	__u8 *wire = names[0].wire;
	__u32 at = 0;

	for (int labels = 0; labels < MAX_LABELS; labels++) {
		struct name key;
		__u64 *hits;

		asm volatile("" : "+r"(at)); /* the bound of at as the verifier sees it */
		__builtin_memcpy(&key, wire + (at & (MAX_NAME - 1)), sizeof(key));
		hits = bpf_map_lookup_elem(&blocklist, &key);
		if (hits) {
			__sync_fetch_and_add(hits, 1);
			return 1;
		}
		at += 1 + key.wire[0];
		if (key.wire[0] == 0 || at >= MAX_NAME)
			return 0;
	}
	return 0;
}

static __noinline int within_limit(struct source *source)
{
	struct bucket *bucket, fresh = {};

	if (!source)
		return 0;
	bucket = bpf_map_lookup_elem(&sources, source);
	if (!bucket) {
		fresh.tokens = queries_per_burst;
		fresh.seen = clock;
		if (bpf_map_update_elem(&sources, source, &fresh, BPF_NOEXIST))
			return 1;
		bucket = bpf_map_lookup_elem(&sources, source);
		if (!bucket)
			return 1;
	}
	__u64 earned = (clock - bucket->seen) / 64;

	if (earned) {
		bucket->tokens += earned;
		bucket->seen = clock;
		if (bucket->tokens > queries_per_burst)
			bucket->tokens = queries_per_burst;
	}
	if (!bucket->tokens) {
		bucket->dropped++;
		return 0;
	}
	bucket->tokens--;
	return 1;
}

static __always_inline int judge(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct source source = {};
	struct query query = {};
	__be16 proto;
	__u16 vlan;
	__u32 offset;
	__u8 l4;
	int off = skip_eth(data, end, &proto, &vlan);

	if (off < 0)
		return V_MALFORMED;
	if (proto == bpf_htons(ETH_P_IP)) {
		struct ipv4_hdr *ip = data + off;

		if ((void *)(ip + 1) > end)
			return V_MALFORMED;
		l4 = ip->proto;
		source.family = 4;
		source.net[0] = ip->src & bpf_htonl(0xffffff00);
		query.addr[0] = ip->src;
		offset = off + (ip->version_ihl & 15) * 4;
		if (ip->frag_off & bpf_htons(IP_OFFSET_MASK))
			return V_NOT_DNS;
		if (ip->proto == IPPROTO_UDP)
			query.addr[1] = ip->dst;
	} else if (proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6_hdr *ip6 = data + off;

		if ((void *)(ip6 + 1) > end)
			return V_MALFORMED;
		l4 = ip6->next_hdr;
		source.family = 6;
		source.net[0] = ip6->src[0];
		source.net[1] = ip6->src[1];
		__builtin_memcpy(query.addr, ip6->src, 16);
		offset = off + sizeof(*ip6);
	} else {
		return V_NOT_DNS;
	}
	if (l4 != IPPROTO_UDP)
		return V_NOT_DNS;
	if (offset > 128)
		return V_MALFORMED;
	struct udp_hdr *udp = data + offset;

	if ((void *)(udp + 1) > end)
		return V_MALFORMED;
	if (udp->dst != bpf_htons(53) && udp->src != bpf_htons(53))
		return V_NOT_DNS;
	struct dns_hdr *dns = (void *)(udp + 1);

	if ((void *)(dns + 1) > end)
		return V_MALFORMED;
	query.id = dns->id;
	if (dns->flags & bpf_htons(0x8000)) {
		query.port = udp->dst;
		__be32 other = query.addr[1];

		if (source.family == 4) {
			query.addr[1] = query.addr[0];
			query.addr[0] = other;
		}
		if (bpf_map_delete_elem(&asked, &query))
			return V_UNASKED;
		return V_ANSWER;
	}
	query.port = udp->src;
	if (dns->questions != bpf_htons(1) || bpf_ntohs(udp->len) > 512)
		return V_MALFORMED;
	__u32 zero = 0;
	struct name *names = bpf_map_lookup_elem(&scratch, &zero);

	if (!names)
		return V_MALFORMED;
	__builtin_memset(names, 0, sizeof(*names));
	int length = read_name(ctx, offset + sizeof(*udp) + sizeof(*dns), names);

	if (length < 0 || length > MAX_NAME)
		return V_MALFORMED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	__be16 *type = data + offset + sizeof(*udp) + sizeof(*dns) + length;

	if ((void *)(type + 2) > end)
		return V_MALFORMED;
	__u16 kind = bpf_ntohs(*type);
	__u64 one = 1, *seen = bpf_map_lookup_elem(&types, &kind);

	if (seen)
		++*seen;
	else
		bpf_map_update_elem(&types, &kind, &one, BPF_ANY);
	if (kind == 255)
		return V_ANY;
	if (is_blocked(names))
		return V_BLOCKED;
	if (!within_limit(&source))
		return V_LIMITED;
	bpf_map_update_elem(&asked, &query, &kind, BPF_ANY);
	return V_PASS;
}

SEC("xdp")
int dns_guard(struct xdp_md *ctx)
{
	int verdict = judge(ctx);

	clock++;
	count_in(&verdicts, verdict, ctx->data_end - ctx->data);
	return verdict == V_PASS || verdict == V_NOT_DNS || verdict == V_ANSWER ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
