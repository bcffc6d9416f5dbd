/*
 * Arithmetic of every kind on the bytes of the packet: signed and unsigned
 * division and modulo, shifts by variable amounts, sign extension, byte swaps,
 * in 32 and 64 bits. clang uses its newest instructions for it when it may
 * (-mcpu=v4), and long-winded ones when it must (v1); the results, which are
 * written into the packet's source and destination MACs and mixed into
 * "checksums", must be the same.
 */
#include "packet.h"

__u64 checksums[8];
__s32 smallest;
__s64 sums[4];

static __always_inline __u64 rotate(__u64 x, __u32 by)
{
	by &= 63;
	return by ? x << by | x >> (64 - by) : x;
}

SEC("xdp")
int alu(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if (data + 46 > end)
		return XDP_DROP;
	__u64 a = *(__u64 *)(data + 14), b = *(__u64 *)(data + 22), c = *(__u64 *)(data + 30);
	__u32 d = *(__u32 *)(data + 38);
	__s8 s8 = *(__s8 *)(data + 42);
	__s16 s16 = *(__s16 *)(data + 42);
	__s32 s32 = *(__s32 *)(data + 42);

	/* 64 bits, unsigned: dividing by zero gives 0, its remainder is the dividend */
	checksums[0] = rotate(checksums[0], 7) ^ (a * b + c);
	checksums[1] = rotate(checksums[1], 11) ^ (a / (c & 0xffff)) ^ (b % (d & 0xff));
	checksums[2] = rotate(checksums[2], 13) ^ (a >> (c & 63)) ^ (b << (d & 63));
	checksums[3] += (__s64)a >> (b & 63);
	/* 32 bits */
	__u32 e = (__u32)a * d;
	e ^= (__u32)b / ((d & 7) + 1);
	e = e << (d & 31) | e >> (31 & -d);
	e -= (__s32)c >> (d & 31);
	e ^= (__u32)c % (((__u32)b & 0x3ff) + 1);
	checksums[4] = rotate(checksums[4], 5) + e;
	/* signed */
	sums[0] += s8;
	sums[1] += s16;
	sums[2] += s32;
	sums[3] -= (__s64)s8 * s16;
	if (s32 < smallest)
		smallest = s32;
#if __BPF_CPU_VERSION__ >= 4
	sums[3] += (__s64)a / (s16 | 1) + (__s64)b % (s8 | 1);
	sums[3] += (__s32)d / (s8 | 1) + s32 % (s16 | 1);
#else
	/* there is no signed division before v4: by hand, rounding to zero */
#define MAGNITUDE(x) ((x) < 0 ? -(__u64)(x) : (__u64)(x))
#define SDIV(n, m) (((n) < 0) != ((m) < 0) ? -(MAGNITUDE(n) / MAGNITUDE(m)) : MAGNITUDE(n) / MAGNITUDE(m))
#define SMOD(n, m) ((n) < 0 ? -(MAGNITUDE(n) % MAGNITUDE(m)) : MAGNITUDE(n) % MAGNITUDE(m))
	__s64 sa = a, sb = b, m16 = s16 | 1, m8 = s8 | 1, sd = (__s32)d, ss = s32;
	sums[3] += SDIV(sa, m16) + SMOD(sb, m8);
	sums[3] += SDIV(sd, m8) + SMOD(ss, m16);
#endif
	/* swaps */
	checksums[5] ^= __builtin_bswap64(a) + __builtin_bswap32(d) + __builtin_bswap16((__u16)b);
	/* comparisons of every kind */
	__u32 bits = (a > b) | (a >= c) << 1 | (b < c) << 2 | ((__s64)a < (__s64)b) << 3 | ((__s64)b <= (__s64)c) << 4 |
		     ((__u32)a > d) << 5 | ((__s32)a > (__s32)d) << 6 | ((a & b) != 0) << 7 | ((d & 1) == 0) << 8 |
		     ((__s32)b >= s32) << 9 | (s16 < 0) << 10 | ((__u32)c <= d) << 11;
	checksums[6] = rotate(checksums[6], 1) + bits;
	checksums[7] = rotate(checksums[7], 17) ^ checksums[bits & 3];

	__u64 out = checksums[0] ^ checksums[7];
	*(__u32 *)data = (__u32)out;
	*(__u16 *)(data + 4) = out >> 32;
	*(__u32 *)(data + 6) = e;
	*(__u16 *)(data + 10) = bits;
	return bits & 1 ? XDP_TX : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
