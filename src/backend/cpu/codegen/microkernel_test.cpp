#include <chrono>

#include "backend/cpu/codegen/test_library.h"
#include "kernel/stmt.h"

namespace tempera::cpu {
namespace {

using namespace kernel;  // NOLINT: kernels are written here

struct Tile {
  int rows;     // of A and C
  int vectors;  // of B and C, a row
};

// C[rows, vectors * lanes] = A[rows, depth] B[depth, vectors * lanes] on register sums, over `grid`
// tiles of C and A.
Kernel gemm_tile(const Tile& tile, int lanes, int depth, int tiles) {
  const int columns = tile.vectors * lanes;
  const Type vector{DType::f32, lanes};
  const auto memory = [](const char* name, int64_t size, bool written) {
    return make_buffer(name, {DType::f32, 1}, Space::global, size, written);
  };
  const Buffer a = memory("a", int64_t(tiles) * tile.rows * depth, false);
  const Buffer b = memory("b", int64_t(depth) * columns, false);
  const Buffer c = memory("c", int64_t(tiles) * tile.rows * columns, true);
  const Buffer sums = make_buffer("sums", vector, Space::registers, tile.rows * tile.vectors);
  const auto each = [&](const std::function<Stmt(Expr, Expr)>& body) {
    return unrolled("i", tile.rows, [&](Expr i) {
      return unrolled("j", tile.vectors, [&](Expr j) { return body(i, j); });
    });
  };
  const int v = tile.vectors;
  return {fmt::format("gemm_{}x{}", tile.rows, columns), {a, b, c}, grid("m", tiles, [&](Expr m) {
            return allocate(
                sums, block({
                          each([&](Expr i, Expr j) {
                            return store(sums, i * v + j, broadcast(f32(0), lanes));
                          }),
                          serial("k", depth,
                                 [&](Expr k) {
                                   return each([&](Expr i, Expr j) {
                                     const Expr left = load(a, (m * tile.rows + i) * depth + k);
                                     const Expr right =
                                         load(b, ramp(k * columns + j * lanes, 1, lanes));
                                     return store(
                                         sums, i * v + j,
                                         fma(broadcast(left, lanes), right, load(sums, i * v + j)));
                                   });
                                 }),
                          each([&](Expr i, Expr j) {
                            return store(c, ramp(((m * tile.rows + i) * v + j) * lanes, 1, lanes),
                                         load(sums, i * v + j));
                          }),
                      }));
          })};
}

// rows * vectors chains of dependent FMAs in registers: the machine's peak.
Kernel peak_loop(int lanes, int depth) {
  constexpr int kChains = 12;
  const Buffer x = make_buffer("x", {DType::f32, lanes}, Space::global, kChains, true);
  const Buffer sums = make_buffer("sums", {DType::f32, lanes}, Space::registers, kChains);
  return {
      "peak",
      {x},
      allocate(sums, block({
                         unrolled("i", kChains, [&](Expr i) { return store(sums, i, load(x, i)); }),
                         serial("k", depth,
                                [&](Expr) {
                                  return unrolled("i", kChains, [&](Expr i) {
                                    return store(sums, i,
                                                 fma(load(sums, i), broadcast(f32(0.5), lanes),
                                                     broadcast(f32(1), lanes)));
                                  });
                                }),
                         unrolled("i", kChains, [&](Expr i) { return store(x, i, load(sums, i)); }),
                     }))};
}

double best_seconds(const std::function<void()>& run) {
  double best = 1e9;
  for (int i = 0; i < 15; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    best = std::min(
        best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

double gflops(const Kernel& kernel, double flops, int64_t grid, double* compile_seconds) {
  const LoadedKernel loaded(kernel);
  std::vector<Memory> memory;
  std::vector<void*> pointers;
  for (const Buffer& b : kernel.parameters) {
    memory.emplace_back(b);
    fill_random(memory.back(), DType::f32, 1);
    pointers.push_back(memory.back().data);
  }
  *compile_seconds = loaded.seconds();
  return flops / best_seconds([&] { loaded(pointers, 0, grid); }) * 1e-9;
}

// The innermost loop with vector FMAs: from its label to the branch back.
std::string fma_loop(const std::string& assembly) {
  std::vector<std::string> lines;
  std::string best;
  std::istringstream stream(assembly);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  for (size_t from = 0; from < lines.size(); ++from) {
    if (!lines[from].starts_with(".LBB")) continue;
    const std::string label = lines[from].substr(0, lines[from].find(':'));
    std::string text;
    for (size_t i = from + 1; i < lines.size() && !lines[i].starts_with(".LBB"); ++i) {
      text += lines[i] + "\n";
      if (lines[i].find("\tj") == 0 && lines[i].ends_with(label) &&
          text.find("vfmadd") != std::string::npos)
        best = text;
    }
  }
  return best;
}

size_t occurrences(const std::string& text, const std::string& word) {
  size_t n = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

TEST(Microkernel, ComputesTheProduct) {
  const Target target = host_target();
  expect_as_interpreted(gemm_tile({6, 2}, int(target.lanes(4)), 37, 3), target);
}

// Sums live in registers: the loop over k touches the stack nowhere, multiplies with broadcast
// memory operands or one broadcast a row, and holds no more FMAs than the tile has.
TEST(Microkernel, InnerLoopDoesNotSpill) {
  const Target target = *target_from_flag("x86-64-v4");
  for (const Tile tile : {Tile{6, 4}, Tile{8, 2}, Tile{12, 2}, Tile{14, 2}}) {
    const Kernel kernel = gemm_tile(tile, 16, 320, 64);
    const std::string loop = fma_loop(*print_assembly({&kernel}, target));
    ASSERT_FALSE(loop.empty());
    EXPECT_EQ(occurrences(loop, "rsp"), 0) << kernel.name << "\n" << loop;
    EXPECT_EQ(occurrences(loop, "vfmadd"), size_t(tile.rows * tile.vectors)) << loop;
  }
  const Kernel kernel = gemm_tile({6, 2}, 8, 320, 64);
  const std::string loop = fma_loop(*print_assembly({&kernel}, *target_from_flag("x86-64-v3")));
  EXPECT_EQ(occurrences(loop, "rsp"), 0) << loop;
  EXPECT_EQ(occurrences(loop, "vfmadd"), 12) << loop;
}

// As attention makes weights of scores: pairs of rows of `vectors` vectors, their sums in
// registers.
Kernel weigh_pairs(int vectors, int pairs) {
  const Type f32x16{DType::f32, 16};
  const Buffer scores =
      make_buffer("scores", {DType::f32, 1}, Space::global, int64_t(pairs) * 2 * vectors * 16);
  const Buffer weights = make_buffer("weights", {DType::bf16, 1}, Space::global,
                                     int64_t(pairs) * 2 * vectors * 16, true);
  const Buffer shifts = make_buffer("shifts", {DType::f32, 1}, Space::global, vectors * 16);
  const Buffer total = make_buffer("total", {DType::f32, 1}, Space::global, vectors * 16, true);
  const Buffer sums = make_buffer("sums", f32x16, Space::registers, vectors);
  const auto weight = [&](const Expr& row, const Expr& v) {
    const Expr x = load(scores, ramp((row * vectors + v) * 16, 1, 16));
    const Expr shift = load(shifts, ramp(v * 16, 1, 16));
    return cast(DType::bf16, call(Intrinsic::exp2_bf16, {fma(x, constant(f32x16, 0.25), shift)}));
  };
  const auto one = [&](const Expr& pair, const Expr& v) {
    const Expr both = call(Intrinsic::interleave, {weight(pair * 2, v), weight(pair * 2 + 1, v)});
    return let_in("w", both, [&](const Expr& w) {
      const Expr ones = constant(w->type, 1);
      return block({store(weights, ramp((pair * vectors + v) * 32, 1, 32), w),
                    store(sums, v, call(Intrinsic::bf16_dot, {load(sums, v), w, ones}))});
    });
  };
  const auto each = [&](const std::function<Stmt(Expr)>& body) {
    return unrolled("v", vectors, body);
  };
  return {
      "weigh",
      {scores, shifts, weights, total},
      allocate(sums,
               block({
                   each([&](Expr v) { return store(sums, v, constant(f32x16, 0)); }),
                   serial("pair", pairs,
                          [&](Expr pair) { return each([&](Expr v) { return one(pair, v); }); }),
                   each([&](Expr v) { return store(total, ramp(v * 16, 1, 16), load(sums, v)); }),
               }))};
}

// One conversion and one permutation a pair of vectors, all constants and sums in registers.
TEST(Microkernel, WeightsOfAttentionDoNotSpill) {
  Target target = *target_from_flag("x86-64-v4");
  target.cpu = "znver4";
  target.has_bf16_dot = true;
  const Kernel kernel = weigh_pairs(4, 32);
  const std::string loop = fma_loop(*print_assembly({&kernel}, target));
  ASSERT_FALSE(loop.empty());
  EXPECT_EQ(occurrences(loop, "rsp"), 0) << loop;
  EXPECT_EQ(occurrences(loop, "vcvtne2ps2bf16"), 4) << loop;
  EXPECT_EQ(occurrences(loop, "vpermw"), 4) << loop;
  EXPECT_EQ(occurrences(loop, "vdpbf16ps"), 4) << loop;
  EXPECT_LE(occurrences(loop, "\tv"), 8 * 16) << loop;
}

// Prints what the machine reaches; only a gross loss fails, since others may use the machine.
TEST(Microkernel, IsNearThePeak) {
  const int lanes = int(host_target().lanes(4));
  const Tile tiles[] = {{6, 64 / 16}, {8, 2}, {12, 2}, {14, 2}};
  if (lanes != 16) GTEST_SKIP() << "tiles are for 16 lanes";
  double seconds = 0;
  const double peak = gflops(peak_loop(lanes, 200000), 2.0 * 12 * lanes * 200000, 1, &seconds);
  std::printf("peak %.1f GFLOP/s\n", peak);
  for (const Tile& tile : tiles) {
    const Kernel kernel = gemm_tile(tile, lanes, 320, 64);
    const double flops = 2.0 * 64 * tile.rows * tile.vectors * lanes * 320;
    const double reached = gflops(kernel, flops, 64, &seconds);
    std::printf("%s %.1f GFLOP/s, %.0f %%, compiled in %.0f ms\n", kernel.name.c_str(), reached,
                100 * reached / peak, 1e3 * seconds);
    EXPECT_GT(reached, 0.4 * peak);
  }
}

}  // namespace
}  // namespace tempera::cpu
