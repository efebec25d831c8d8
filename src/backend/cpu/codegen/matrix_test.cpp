#include <sstream>

#if defined(__x86_64__)
#include "backend/cpu/codegen/amx_emulator.h"
#endif
#include "backend/cpu/codegen/test_library.h"
#include "kernel/stmt.h"

namespace tempera::cpu {
namespace {

using namespace kernel;  // NOLINT: kernels are written here

struct Tiles {
  int rows = 2, columns = 2;   // matrices of C
  int m = 16, n = 16, k = 32;  // of one
};

// C = A B, or C += A B where `resume` and the piece's number is odd, for `pieces` panels of A and
// C: A [m, depth], B [depth / 2, n, 2].
Kernel gemm(const Tiles& t, int depth, int pieces, bool resume = false) {
  const int m = t.rows * t.m, n = t.columns * t.n, stride = depth + 32;
  const auto memory = [](const char* name, DType dtype, int64_t size, bool written = false) {
    return make_buffer(name, {dtype, 1}, Space::global, size, written);
  };
  const Buffer a = memory("a", DType::bf16, int64_t{pieces} * m * stride);
  const Buffer b = memory("b", DType::bf16, int64_t{depth} * n);
  const Buffer c = memory("c", DType::f32, int64_t{pieces} * m * n, true);
  const Type sum{DType::f32, t.m * t.n};
  const Buffer sums = make_buffer("sums", sum, Space::registers, t.rows * t.columns);
  const auto each = [&](const std::function<Stmt(Expr, Expr, Expr)>& body) {
    return unrolled("i", t.rows, [&](Expr i) {
      return unrolled("j", t.columns, [&](Expr j) { return body(i, j, i * t.columns + j); });
    });
  };
  const auto products = [&](Expr g, Expr k) {
    std::vector<Expr> right;
    for (int j = 0; j < t.columns; ++j) right.push_back(variable("b", {DType::bf16, t.k * t.n}));
    std::vector<Stmt> rows;
    for (int i = 0; i < t.rows; ++i) {
      const Expr left =
          load(a, matrix_ramp({(g * m + i * t.m) * stride + k * t.k, stride, t.m, t.k}));
      rows.push_back(let_in("a", left, [&](Expr x) {
        std::vector<Stmt> row;
        for (int j = 0; j < t.columns; ++j) {
          const int at = i * t.columns + j;
          row.push_back(
              store(sums, at, call(Intrinsic::matrix_dot, {load(sums, at), x, right[j]})));
        }
        return block(row);
      }));
    }
    Stmt body = block(rows);
    for (int j = 0; j < t.columns; ++j)
      body = let(right[j],
                 load(b, matrix_ramp({k * t.k * n + j * t.n * 2, n * 2, t.k / 2, t.n * 2})), body);
    return body;
  };
  return {"gemm", {a, b, c}, grid("g", pieces, [&](Expr g) {
            const auto at_c = [&](Expr i, Expr j) {
              return matrix_ramp({(g * m + i * t.m) * n + j * t.n, n, t.m, t.n});
            };
            const Stmt clear =
                each([&](Expr, Expr, Expr at) { return store(sums, at, constant(sum, 0)); });
            const Stmt take =
                each([&](Expr i, Expr j, Expr at) { return store(sums, at, load(c, at_c(i, j))); });
            const Stmt keep =
                each([&](Expr i, Expr j, Expr at) { return store(c, at_c(i, j), load(sums, at)); });
            return allocate(
                sums,
                block({resume ? branch(g % 2 == Expr(0), clear, take) : clear,
                       serial("k", depth / t.k, [&](Expr k) { return products(g, k); }), keep}));
          })};
}

constexpr Tiles kShapes[] = {{}, {1, 3}, {3, 1}, {1, 1}, {2, 1, 9, 5, 12}, {1, 1, 2, 16, 2}};

size_t occurrences(const std::string& text, const std::string& word) {
  size_t n = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++n;
  return n;
}

// The lines around all products, from the label before the first on.
std::string product_loop(const std::string& assembly) {
  const size_t first = assembly.find("tdpbf16ps");
  if (first == std::string::npos) return "";
  const size_t label = assembly.rfind("\n.LBB", first);
  return assembly.substr(label, assembly.find("\tj", first) - label);
}

// Sums stay in tiles: the loop loads each operand once and stores none, and tiles are configured
// once.
TEST(Matrix, InnerLoopDoesNotSpill) {
  for (const char* cpu : {"sapphirerapids", "graniterapids"})
    for (const bool resume : {false, true})
      for (const Tiles& t : kShapes) {
        const Target target = *target_from_flag(cpu);
        const Kernel kernel = gemm(t, 20 * t.k, 64, resume);
        const std::string assembly = *print_assembly({&kernel}, target);
        const std::string loop = product_loop(assembly);
        EXPECT_EQ(occurrences(loop, "tdpbf16ps"), size_t(t.rows * t.columns)) << assembly;
        EXPECT_EQ(occurrences(loop, "tileloadd"), size_t(t.rows + t.columns)) << loop;
        EXPECT_EQ(occurrences(loop, "tilestored"), 0) << loop;
        EXPECT_EQ(occurrences(loop, "rsp"), 0) << loop;
        EXPECT_EQ(occurrences(assembly, "tilestored"), size_t(t.rows * t.columns)) << assembly;
        EXPECT_EQ(occurrences(assembly, "ldtilecfg"), 1) << assembly;
        for (int i = 0; i < 8; ++i) {
          const bool configured = occurrences(assembly, fmt::format(", {}(%rsp)\n", i - 16)) > 0;
          EXPECT_EQ(occurrences(assembly, fmt::format("%tmm{}", i)) > 0, configured) << assembly;
        }
        EXPECT_EQ(occurrences(assembly, "tilerelease"), 1) << assembly;
      }
}

TEST(Matrix, AreRefusedWhereThereAreNoTiles) {
  const Kernel kernel = gemm({}, 64, 1);
  const auto refused = print_assembly({&kernel}, *target_from_flag("znver4"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message,
            "kernel gemm: znver4 has no matrix_dot of 16x16x32; choose a schedule that does "
            "without it");
  const Kernel large = gemm({1, 1, 16, 16, 64}, 64, 1);
  EXPECT_FALSE(print_assembly({&large}, *target_from_flag("sapphirerapids")).ok());
}

#if defined(__x86_64__)
// A processor with AMX as far as this one goes along.
Target emulated_target() {
  Target target = *target_from_flag("sapphirerapids");
  target.features = "-avx512fp16,-avxvnni";
  return target;
}

TEST(Matrix, ComputesAsInterpreted) {
  if (host_target().vector_bytes < 64) GTEST_SKIP() << "no AVX-512";
  const AmxEmulator emulator;
  for (const bool resume : {false, true})
    for (const Tiles& t : kShapes)
      expect_as_interpreted(gemm(t, 3 * t.k, 4, resume), emulated_target());
  EXPECT_GT(AmxEmulator::executed(), 0);
}
#endif

}  // namespace
}  // namespace tempera::cpu
