/*
 * A parser of nested headers, unrolled: 72 levels of which each may be a tag, a label, IPv4, IPv6 with its extension
 * headers, GRE or VXLAN. The state between levels is what comes next and where it begins; padding is read as labels, so that
 * ordinary packets keep it busy for some levels too.
 */
#include "../programs/packet.h"

enum next { ETHERNET, TYPE, IPV4, IPV6, PROTOCOL, UDP, LABEL, DONE };

__u64 seen[8];

SEC("xdp")
int nested(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	/* in the stack and narrow, so that the verifier forgets what they were at the level before */
	volatile __u16 at = 0, value = 0;
	volatile __u8 next = ETHERNET, depth = 0;

	/* in line by the preprocessor: loops of this size are not unrolled */
#define LEVEL \
	{ \
		__u16 from = at; \
		__u8 here = next; \
		if (from > 1400) \
			goto done; \
		__u8 *p = data + from; \
		if ((void *)(p + 40) > end) \
			goto done; \
		depth++; \
		if (here == ETHERNET) { \
			value = p[12] << 8 | p[13]; \
			next = TYPE; \
			at += 14; \
		} else if (here == TYPE) { \
			if (value == ETH_P_8021Q || value == ETH_P_8021AD) { \
				value = p[2] << 8 | p[3]; \
				at += 4; \
			} else { \
				next = value == ETH_P_IP ? IPV4 : value == ETH_P_IPV6 ? IPV6 : value == 0x8847 ? LABEL : DONE; \
			} \
		} else if (here == LABEL) { \
			next = p[2] & 1 ? IPV4 : LABEL; \
			at += 4; \
		} else if (here == IPV4) { \
			value = p[9]; \
			next = PROTOCOL; \
			at += (p[0] & 15) * 4; \
		} else if (here == IPV6) { \
			value = p[6]; \
			next = PROTOCOL; \
			at += 40; \
		} else if (here == PROTOCOL) { \
			if (value == 4) { \
				next = IPV4; \
			} else if (value == 41) { \
				next = IPV6; \
			} else if (value == 47) { \
				value = p[2] << 8 | p[3]; \
				next = TYPE; \
				at += 4; \
			} else if (value == 17) { \
				next = UDP; \
			} else if (value == 0 || value == 43 || value == 60) { \
				value = p[0]; \
				at += (p[1] + 1) * 8; \
			} else { \
				next = LABEL; \
			} \
		} else if (here == UDP) { \
			next = (p[2] << 8 | p[3]) == 4789 ? ETHERNET : LABEL; \
			at += next == ETHERNET ? 16 : 8; \
		} else { \
			goto done; \
		} \
	}
#define LEVELS_4 LEVEL LEVEL LEVEL LEVEL
#define LEVELS_24 LEVELS_4 LEVELS_4 LEVELS_4 LEVELS_4 LEVELS_4 LEVELS_4
	LEVELS_24 LEVELS_24 LEVELS_24
done:
	__sync_fetch_and_add(&seen[depth & 7], 1);
	return depth > 3 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
