/*
 * Drops TLS connections by the server name that they ask for: finds the SNI
 * extension of a ClientHello (RFC 8446, RFC 6066) in the first segment, and looks
 * the name and its parents up, from the end, in a trie of reversed names.
 */
#include "app.h"

#define MAX_SNI 64
#define MAX_EXTENSIONS 12

struct reversed {
	__u32 bits;
	__u8 text[MAX_SNI];
};

struct policy {
	__u32 action;
	__u32 reserved;
	__u64 hits;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct reversed);
	__type(value, struct policy);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} names SEC(".maps");

struct work {
	__u8 sni[MAX_SNI];
	struct reversed key;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct work);
	__uint(max_entries, 1);
} scratch SEC(".maps");

enum event { EV_HELLO, EV_NO_SNI, EV_TRUNCATED, EV_TOO_LONG, EV_ALLOWED, EV_BLOCKED, EV_OTHER, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

struct reader {
	__u32 off;
	__u32 end;
};

static __always_inline int byte_at(struct xdp_md *ctx, __u32 off)
{
	__u8 byte;

	return bpf_xdp_load_bytes(ctx, off, &byte, 1) ? -1 : byte;
}

static __always_inline int word_at(struct xdp_md *ctx, __u32 off)
{
	__be16 word;

	return bpf_xdp_load_bytes(ctx, off, &word, 2) ? -1 : bpf_ntohs(word);
}

/* The offset of the server's name and its length << 16, or an event with the sign turned. */
static __noinline int find_sni(struct xdp_md *ctx, __u32 off)
{
	int length, type;

	/* record: type 22, version, length; handshake: type 1, length of 3; version, random */
	if (byte_at(ctx, off) != 22 || byte_at(ctx, off + 5) != 1)
		return -EV_OTHER;
	off += 5 + 4 + 2 + 32;
	length = byte_at(ctx, off); /* session id */
	if (length < 0)
		return -EV_TRUNCATED;
	off += 1 + (length & 63);
	length = word_at(ctx, off); /* cipher suites */
	if (length < 0)
		return -EV_TRUNCATED;
	off += 2 + (length & 0x3ff);
	length = byte_at(ctx, off); /* compression methods */
	if (length < 0)
		return -EV_TRUNCATED;
	off += 1 + (length & 15) + 2;
	for (int i = 0; i < MAX_EXTENSIONS; i++) {
		type = word_at(ctx, off);
		length = word_at(ctx, off + 2);
		if (type < 0 || length < 0)
			return i ? -EV_NO_SNI : -EV_TRUNCATED;
		if (type == 0) {
			length = word_at(ctx, off + 7);
			if (length <= 0)
				return -EV_TRUNCATED;
			return length << 16 | ((off + 9) & 0xffff);
		}
		off += 4 + (length & 0xfff);
	}
	return -EV_NO_SNI;
}

static __always_inline int judge(struct xdp_md *ctx, __u32 off)
{
	int found = find_sni(ctx, off);
	__u32 zero = 0, length, at;
	struct policy *policy;
	struct work *work;

	if (found < 0) {
		count_in(&events, (-found) & 7, 0);
		return XDP_PASS;
	}
	count_in(&events, EV_HELLO, 0);
	length = (__u32)found >> 16;
	at = found & 0xffff;
	if (length > MAX_SNI) {
		count_in(&events, EV_TOO_LONG, 0);
		return XDP_PASS;
	}
	work = bpf_map_lookup_elem(&scratch, &zero);
	if (!work)
		return XDP_PASS;
	__builtin_memset(work, 0, sizeof(*work));
	if (length == 0 || bpf_xdp_load_bytes(ctx, at, work->sni, length)) {
		count_in(&events, EV_TRUNCATED, 0);
		return XDP_PASS;
	}
	/* from the end, so that a domain is a prefix of its hosts' names */
	for (__u32 i = 0; i < MAX_SNI; i++) {
		__u8 c;

		if (i >= length)
			break;
		c = work->sni[(length - 1 - i) & (MAX_SNI - 1)];
		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		work->key.text[i] = c;
	}
	work->key.bits = length * 8;
	policy = bpf_map_lookup_elem(&names, &work->key);
	if (policy) {
		__sync_fetch_and_add(&policy->hits, 1);
		if (policy->action) {
			count_in(&events, EV_BLOCKED, 0);
			return XDP_DROP;
		}
	}
	count_in(&events, EV_ALLOWED, 0);
	return XDP_PASS;
}

SEC("xdp.frags")
int tls_filter(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS)
	__u32 off;
	__u8 l4;

	if (eth->proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS)

		l4 = ip->proto;
		off = sizeof(*eth) + (ip->version_ihl & 15) * 4;
	} else if (eth->proto == bpf_htons(ETH_P_IPV6)) {
		HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, XDP_PASS)

		l4 = ip6->next_hdr;
		off = sizeof(*eth) + sizeof(*ip6);
	} else {
		return XDP_PASS;
	}
	if (l4 != IPPROTO_TCP)
		return XDP_PASS;
	struct tcp_hdr *tcp = data + off;

	if ((void *)(tcp + 1) > end || tcp->dst != bpf_htons(443))
		return XDP_PASS;
	off += (tcp->data_off >> 4) * 4;
	if (off >= end - data)
		return XDP_PASS;
	return judge(ctx, off);
}

char LICENSE[] SEC("license") = "GPL";
