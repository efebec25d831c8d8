#include <gtest/gtest.h>

#include "kernel/parse.h"
#include "kernel/print.h"

namespace tempera::kernel {
namespace {

const Type kF32{DType::f32, 1};

std::string round_trip(const std::string& text) {
  const Result<Kernel> kernel = parse_kernel(text);
  return kernel.ok() ? to_string(*kernel) : kernel.error().message;
}

TEST(KernelText, PrintsEveryStatement) {
  const Buffer a = make_buffer("a", kF32, Space::global, 77);
  const Buffer c = make_buffer("c", kF32, Space::global, 7, true);
  const Buffer acc = make_buffer("acc", kF32, Space::registers, 1);
  const Kernel kernel{"row_sums", {a, c}, grid("m", 7, [&](Expr m) {
                        return allocate(
                            acc, block({store(acc, 0, f32(0)),
                                        serial("k", 11,
                                               [&](Expr k) {
                                                 return store(acc, 0,
                                                              load(acc, 0) + load(a, m * 11 + k));
                                               }),
                                        store(c, m, load(acc, 0))}));
                      })};
  EXPECT_EQ(to_string(kernel), R"(kernel row_sums(a: f32[77] global, c: f32[7] global mut) {
  grid m in 0..7 {
    registers acc: f32[1]
    acc[0] = 0.0
    for k in 0..11 {
      acc[0] = acc[0] + a[m * 11 + k]
    }
    c[m] = acc[0]
  }
}
)");
}

TEST(KernelText, RoundTripsEveryConstruct) {
  const std::string text =
      R"(kernel all(a: f32[64] global, b: u8x64[4] global, s: i8x64[4] global, h: f16[8] global mut, c: f32[64] global mut) {
  grid m in 2..6 {
    workgroup t: f32[16]
    lane x in 0..4 {
      lane y in 0..2 {
        registers r: f32x4[2]
        let p = x * 2 + y
        {
          let q = -p - -3
          t[q % 8, p < 5 && !(x == y)] = f32(q) * -0.5 + inf
        }
        barrier
        unroll u in 0..2 {
          r[u] = broadcast(t[p], 4)
          r[u] = fma(r[u], a[ramp(u * 4, 1, 4), ramp(0, 1, 4) < broadcast(p, 4)], broadcast(1e-20, 4))
        }
        for k in x..+y {
          c[ramp(k, 4, 4)] = -(r[0] * r[1])
          h[k - (x - y)] = f16(extract(r[1], 3)) / 1.5f16
        }
        for k in 3..+x {
          c[k] = reduce_max(r[0]) + exp(min(1.0, nan)) + f32(-7i8) + f32(3u8)
        }
        if x <= y || x != 4 {
          c[(x + y) * (x - 1) / 2] = select(x < 0, f32(5i64 << 2i64), -(2.0))
        } else {
          if true {
            c[p & 3 | x ^ y] = f32(reduce_add(i8_dot(repeat(ramp(x, y, 2), 16), b[x], s[x])))
          }
        }
      }
    }
  }
}
)";
  EXPECT_EQ(round_trip(text), text);
}

TEST(KernelText, RoundTripsMatrices) {
  const std::string text =
      R"(kernel product(a: bf16[1024] global, b: bf16[512] global, c: f32[256] global mut) {
  registers sum: f32x256[1]
  sum[0] = broadcast(0.0, 256)
  for k in 0..2 {
    sum[0] = matrix_dot(sum[0], a[ramp(ramp(k * 32, 1, 32), 64, 512)], b[ramp(ramp(0, 1, 32), 32, 512)])
  }
  c[ramp(ramp(0, 1, 16), 16, 256)] = sum[0]
}
)";
  EXPECT_EQ(round_trip(text), text);
  EXPECT_EQ(round_trip("kernel k(c: f32[4] global mut) { c[ramp(ramp(0, 1, 2), 2, 3)] = 1.0 }"),
            "kernel text 1:61: ramp of i32x2 and i32 over 3 lanes");
  EXPECT_EQ(round_trip("kernel k(a: bf16x8[1] global, c: f32x4[1] global mut) {\n"
                       "c[0] = matrix_dot(c[0], a[0], broadcast(bf16(1.0), 6)) }"),
            "kernel text 2:55: a matrix_dot of f32x4, bf16x8 and bf16x6");
}

TEST(KernelText, NamesThatMeetGetSuffixes) {
  const Buffer c = make_buffer("c", kF32, Space::global, 64, true);
  const auto nest = [&](const std::string& outer, const std::string& inner) {
    return serial(outer, 4, [&](Expr i) {
      return serial(inner, 4, [&](Expr j) { return store(c, i * 4 + j, f32(0)); });
    });
  };
  const Kernel kernel{"for", {c}, block({nest("i", "i"), nest("c", "a.b")})};
  EXPECT_EQ(to_string(kernel), R"(kernel for_(c: f32[64] global mut) {
  for i in 0..4 {
    for i_1 in 0..4 {
      c[i * 4 + i_1] = 0.0
    }
  }
  for c_1 in 0..4 {
    for a_b in 0..4 {
      c[c_1 * 4 + a_b] = 0.0
    }
  }
}
)");
  EXPECT_EQ(round_trip(to_string(kernel)), to_string(kernel));
}

TEST(KernelText, FaultsNameTheirPlace) {
  const std::string head = "kernel k(c: f32[4] global mut) {\n";
  EXPECT_EQ(round_trip(head + "  c[0] = x\n}"), "kernel text 2:11: no variable x here");
  EXPECT_EQ(round_trip(head + "  d[0] = 1.0\n}"), "kernel text 2:4: no buffer d here");
  EXPECT_EQ(round_trip(head + "  c[0] = 1\n}"), "kernel text 2:11: c of f32: store of i32 at i32");
  EXPECT_EQ(round_trip(head + "  c[0] = 1.0"), "kernel text 2:13: '}' is missing before the end");
  EXPECT_EQ(round_trip(head + "} x"), "kernel text 2:2: something follows the end");
  EXPECT_EQ(round_trip(head + "for i in 0..4 { c[99999999999999999999] = 1.0 }}"),
            "kernel text 2:19: integer 99999999999999999999 is too large");
  EXPECT_EQ(round_trip("kernel k(c: f33[4] global) {}"),
            "kernel text 1:12: 'f33[4] global) {}' is no type");
  EXPECT_EQ(round_trip(head + "c[0] = min(1.0)}"), "kernel text 2:16: min takes 2 arguments");
}

TEST(KernelText, DeepTextIsRefused) {
  const std::string text = "kernel k(c: f32[4] global mut) { c[0] = " + std::string(100000, '-');
  EXPECT_NE(round_trip(text).find("too deep"), std::string::npos);
}

}  // namespace
}  // namespace tempera::kernel
