/*
 * A SYN proxy: SYNs for protected ports are answered with a cookie
 * (bpf_tcp_raw_gen_syncookie), the ACK that brings it back is checked and its
 * sender allowed; everything else of unknown clients is dropped. MSS and window
 * scale go into the time stamp option as Linux does it. The kernel's key is
 * random, so numbers differ from run to run.
 */
#include "app.h"

#define TCP_ECE 0x40

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, __u64);
	__uint(max_entries, 4);
} ports SEC(".maps"); /* a protected port each, 0: none */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, __be32);
	__type(value, __u64);
	__uint(max_entries, 4096);
} allowed SEC(".maps");

enum event { EV_SYN, EV_COOKIE_SENT, EV_GOOD, EV_BAD_COOKIE, EV_ALLOWED, EV_DROPPED, EV_UNPROTECTED, EV_MALFORMED, EV_COUNT };
COUNTERS(events, enum event, EV_COUNT);

static __always_inline int is_protected(__be16 port)
{
	for (__u32 i = 0; i < 4; i++) {
		__u32 key = i;
		__u64 *entry = bpf_map_lookup_elem(&ports, &key);

		if (!entry || !*entry)
			break;
		if (*entry == bpf_ntohs(port))
			return 1;
	}
	return 0;
}

static __always_inline __u16 tcp_csum(struct ipv4_hdr *ip, struct tcp_hdr *tcp, __u32 length)
{
	__u64 sum;

	tcp->check = 0;
	sum = bpf_csum_diff(0, 0, &ip->src, 8, bpf_htons(IPPROTO_TCP) + bpf_htons(length));
	sum = bpf_csum_diff(0, 0, (void *)tcp, 24, sum);
	return csum_fold(sum);
}

static __always_inline int answer(struct xdp_md *ctx, struct eth_hdr *eth, struct ipv4_hdr *ip, struct tcp_hdr *tcp, void *end)
{
	struct {
		struct tcp_hdr tcp;
		__u8 options[40];
	} header;
	__s64 cookie;
	__be32 addr, seq;
	__u32 length;
	__be16 port;
	__u8 *option;
	int delta;

	length = (tcp->data_off >> 4) * 4;
	asm volatile("" : "+r"(length)); /* the bound of length as the verifier sees it */
	if (length < sizeof(*tcp) || length > sizeof(header) || bpf_xdp_load_bytes(ctx, sizeof(*eth) + sizeof(*ip), &header, length))
		return XDP_DROP;
	cookie = bpf_tcp_raw_gen_syncookie_ipv4((void *)ip, (void *)&header.tcp, length);
	if (cookie < 0)
		return XDP_DROP;
	/* one option: the MSS that the cookie stands for */
	delta = (int)(14 + 20 + 24) - (int)(end - (void *)eth);
	if (bpf_xdp_adjust_tail(ctx, delta))
		return XDP_DROP;
	void *data = (void *)(long)ctx->data;

	end = (void *)(long)ctx->data_end;
	eth = data;
	ip = (void *)(eth + 1);
	tcp = (void *)(ip + 1);
	option = (void *)(tcp + 1);
	if ((void *)(option + 4) > end)
		return XDP_ABORTED;
	swap_macs(eth);
	addr = ip->src;
	ip->src = ip->dst;
	ip->dst = addr;
	ip->total_len = bpf_htons(20 + 24);
	ip->ttl = 64;
	ip->frag_off = bpf_htons(0x4000);
	ip->check = ipv4_csum(ip);
	port = tcp->src;
	tcp->src = tcp->dst;
	tcp->dst = port;
	seq = tcp->seq;
	tcp->seq = bpf_htonl((__u32)cookie);
	tcp->ack = bpf_htonl(bpf_ntohl(seq) + 1);
	tcp->data_off = 0x60;
	tcp->flags = TCP_SYN | TCP_ACK;
	tcp->window = bpf_htons(65535);
	tcp->urgent = 0;
	option[0] = 2;
	option[1] = 4;
	option[2] = cookie >> 40;
	option[3] = cookie >> 32;
	tcp->check = tcp_csum(ip, tcp, 24);
	count_in(&events, EV_COOKIE_SENT, 0);
	return XDP_TX;
}

SEC("xdp")
int syn_proxy(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS)
	HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS)
	HEADER_OR_RETURN(struct tcp_hdr, tcp, ip + 1, end, XDP_PASS)
	__u64 one = 1, *seen;
	__be32 addr;

	if (eth->proto != bpf_htons(ETH_P_IP) || ip->version_ihl != 0x45 || ip->proto != IPPROTO_TCP)
		return XDP_PASS;
	if (!is_protected(tcp->dst)) {
		count_in(&events, EV_UNPROTECTED, 0);
		return XDP_PASS;
	}
	addr = ip->src;
	seen = bpf_map_lookup_elem(&allowed, &addr);
	if (seen) {
		__sync_fetch_and_add(seen, 1);
		count_in(&events, EV_ALLOWED, 0);
		return XDP_PASS;
	}
	if ((tcp->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN) {
		count_in(&events, EV_SYN, 0);
		return answer(ctx, eth, ip, tcp, end);
	}
	if ((tcp->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_ACK) {
		if (bpf_tcp_raw_check_syncookie_ipv4((void *)ip, (void *)tcp) == 0) {
			bpf_map_update_elem(&allowed, &addr, &one, BPF_ANY);
			count_in(&events, EV_GOOD, 0);
			return XDP_PASS;
		}
		count_in(&events, EV_BAD_COOKIE, 0);
		return XDP_DROP;
	}
	count_in(&events, EV_DROPPED, 0);
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
