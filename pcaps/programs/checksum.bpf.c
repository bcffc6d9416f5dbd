/*
 * Verifies the checksums of IPv4 headers, and of TCP and UDP over IPv4 and
 * IPv6, by loops over the packet in 16-bit words: the heaviest program here, in
 * instructions per packet. Wrong ones are counted and dropped; packets captured
 * with offloads on have many of them.
 */
#include "packet.h"

#define MAX_WORDS 768 /* of 16 bits; what is longer is not checked */

struct stats {
	__u64 ip_good;
	__u64 ip_bad;
	__u64 l4_good;
	__u64 l4_bad;
	__u64 not_checked;
	__u64 words;
};

struct stats stats;

/*
 * Adds len bytes from offset, as 16-bit words; -1 when they are not all there. Global, so that the verifier walks the
 * loop once and not for each caller.
 */
__noinline int sum_words(struct xdp_md *ctx, __u32 offset, __u32 len)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 sum = 0;
	__u32 i;

	if (offset > 1024 || len > MAX_WORDS * 2)
		return -1;
	data += offset;
	for (i = 0; i < MAX_WORDS; i++) {
		if (i * 2 + 2 > len)
			break;
		if (data + 2 > end)
			return -1;
		sum += *(__u16 *)data;
		data += 2;
	}
	stats.words += i;
	if (len & 1) {
		if (data + 1 > end)
			return -1;
		sum += *(__u8 *)data;
	}
	return sum;
}

static __always_inline __u16 fold64(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)~sum;
}

static __always_inline int check_l4(struct xdp_md *ctx, __u32 offset, __u32 len, __u8 proto, __u64 pseudo)
{
	int sum;

	if ((proto != IPPROTO_TCP && proto != IPPROTO_UDP) || len < 8) {
		stats.not_checked++;
		return XDP_PASS;
	}
	if (proto == IPPROTO_UDP) {
		void *data = (void *)(long)ctx->data;
		void *end = (void *)(long)ctx->data_end;
		if (offset > 1024)
			return XDP_PASS;
		struct udp_hdr *udp = data + offset;
		if ((void *)(udp + 1) > end || !udp->check) {
			stats.not_checked++;
			return XDP_PASS;
		}
	}
	sum = sum_words(ctx, offset, len);
	if (sum < 0) {
		stats.not_checked++;
		return XDP_PASS;
	}
	if (fold64((__u64)sum + pseudo + bpf_htons(proto) + bpf_htons(len)) == 0) {
		stats.l4_good++;
		return XDP_PASS;
	}
	stats.l4_bad++;
	return XDP_DROP;
}

SEC("xdp")
int checksum(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	if (eth->proto == bpf_htons(ETH_P_IP)) {
		HEADER_OR_RETURN(struct ipv4_hdr, ip, eth + 1, end, XDP_PASS);
		__u32 header_len = (ip->version_ihl & 0xf) * 4;
		__u32 total_len = bpf_ntohs(ip->total_len);
		__u8 proto = ip->proto;
		__u16 frag = ip->frag_off & bpf_htons(IP_MORE_FRAGMENTS | IP_OFFSET_MASK);
		__u64 pseudo = (__u64)ip->src + ip->dst;
		int sum = sum_words(ctx, sizeof(*eth), header_len);

		if (sum < 0 || header_len < sizeof(*ip) || total_len < header_len || fold64(sum) != 0) {
			stats.ip_bad++;
			return XDP_DROP;
		}
		stats.ip_good++;
		if (frag) {
			stats.not_checked++;
			return XDP_PASS;
		}
		return check_l4(ctx, sizeof(*eth) + header_len, total_len - header_len, proto, pseudo);
	}
	if (eth->proto == bpf_htons(ETH_P_IPV6)) {
		HEADER_OR_RETURN(struct ipv6_hdr, ip6, eth + 1, end, XDP_PASS);
		__u32 len = bpf_ntohs(ip6->payload_len);
		__u8 proto = ip6->next_hdr;
		__u64 pseudo = 0;
		for (int i = 0; i < 4; i++)
			pseudo += (__u64)ip6->src[i] + ip6->dst[i];
		return check_l4(ctx, sizeof(*eth) + sizeof(*ip6), len, proto, pseudo);
	}
	stats.not_checked++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
