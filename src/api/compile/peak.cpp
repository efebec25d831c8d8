#include "api/compile/peak.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <memory>

#include "api/compile/backends.h"
#include "api/run/devices.h"
#include "base/file.h"
#include "base/json.h"
#include "kernel/interpret.h"
#include "kernel/passes/pipeline.h"
#include "runtime/device.h"

namespace tempera::api {
namespace {

using kernel::Buffer;
using kernel::Expr;
using kernel::Intrinsic;
using kernel::Stmt;
using kernel::Type;

constexpr int kSums = 12;              // independent chains hide the latency of two units
constexpr int kSteps = 1 << 15;        // of a chain in one grid iteration
constexpr int kMatrixSteps = 1 << 11;  // a step is a matrix's work
constexpr int kOfMatrices = 0;
constexpr int kPieces = 16;           // grid iterations a thread
constexpr int kStreamSums = 8;        // vectors read at once
constexpr int64_t kStreamPiece = 64;  // KiB that one grid iteration reads
constexpr int kRuns = 6;              // the fastest counts

// One kind of arithmetic: sums[i] += products of constant vectors.
struct Arithmetic {
  const char* name;
  double Peaks::* rate;
  DType sum, a, b;
  int products;  // a lane of the sum, or kOfMatrices
  bool (*exists)(const Target&);
};
constexpr Arithmetic kArithmetic[] = {
    {"f32_fma", &Peaks::f32_fma, DType::f32, DType::f32, DType::f32, 1,
     [](const Target&) { return true; }},
    {"bf16_dot", &Peaks::bf16_dot, DType::f32, DType::bf16, DType::bf16, 2,
     [](const Target& t) { return t.has_bf16_dot; }},
    {"bf16_matrix", &Peaks::bf16_matrix, DType::f32, DType::bf16, DType::bf16, kOfMatrices,
     [](const Target& t) { return bool(t.bf16_matrices); }},
    {"f16_fma", &Peaks::f16_fma, DType::f16, DType::f16, DType::f16, 1,
     [](const Target& t) { return t.has_f16_arithmetic; }},
    {"i8_dot", &Peaks::i8_dot, DType::i32, DType::u8, DType::i8, 4,
     [](const Target& t) { return t.has_i8_dot; }},
};

int lanes_of(const Arithmetic& arithmetic, const Target& target) {
  return static_cast<int>(target.lanes(size_in_bytes(arithmetic.sum)));
}

Expr add_products(const Arithmetic& arithmetic, Expr sum, Expr a, Expr b) {
  if (arithmetic.products == 1) return fma(std::move(a), std::move(b), std::move(sum));
  const Intrinsic dot = arithmetic.products == 2 ? Intrinsic::bf16_dot : Intrinsic::i8_dot;
  return kernel::call(dot, {std::move(sum), std::move(a), std::move(b)});
}

// sums[0..kSums] in registers, written out together so that nothing is left out.
Stmt over_sums(const Buffer& sums, const Buffer& out, const Expr& place, const Expr& start,
               const Stmt& work) {
  const int lanes = sums->type.lanes;
  Expr total = kernel::load(sums, 0);
  for (int i = 1; i < sums->size; ++i) total = total + kernel::load(sums, i);
  return kernel::allocate(
      sums, kernel::block(
                {kernel::unrolled("i", sums->size,
                                  [&](const Expr& i) { return kernel::store(sums, i, start); }),
                 work, kernel::store(out, kernel::ramp(place * Expr(lanes), 1, lanes), total)}));
}

// All registers but two hold sums.
int matrix_sums(const MatrixTiles& tiles) { return static_cast<int>(tiles.registers) - 2; }

// sums[i] += a b, of the largest matrices; `in` holds both.
kernel::Kernel matrix_loop(const MatrixTiles& tiles, int pieces) {
  const int rows = static_cast<int>(tiles.rows), columns = static_cast<int>(tiles.columns);
  const int depth = static_cast<int>(tiles.depth), count = matrix_sums(tiles);
  const Type sum{DType::f32, rows * columns};
  const Buffer in = kernel::make_buffer("in", {DType::bf16, 1}, kernel::Space::global,
                                        std::max(rows, columns) * depth);
  const Buffer out = kernel::make_buffer("out", {DType::f32, 1}, kernel::Space::global,
                                         int64_t{pieces} * count * sum.lanes, true);
  const Buffer sums = kernel::make_buffer("sums", sum, kernel::Space::registers, count);
  const auto each = [&](const std::function<Stmt(Expr)>& body) {
    return kernel::unrolled("i", count, body);
  };
  const Expr left = kernel::load(in, kernel::matrix_ramp({0, depth, rows, depth}));
  const Expr right =
      kernel::load(in, kernel::matrix_ramp({0, 2 * columns, depth / 2, 2 * columns}));
  const Stmt body = kernel::grid("g", pieces, [&](const Expr& g) {
    return kernel::let_in("a", left, [&](const Expr& a) {
      return kernel::let_in("b", right, [&](const Expr& b) {
        const Stmt clear =
            each([&](const Expr& i) { return kernel::store(sums, i, kernel::constant(sum, 0)); });
        const Stmt steps = kernel::serial("step", kMatrixSteps, [&](const Expr&) {
          return each([&](const Expr& i) {
            return kernel::store(
                sums, i, kernel::call(Intrinsic::matrix_dot, {kernel::load(sums, i), a, b}));
          });
        });
        const Stmt keep = each([&](const Expr& i) {
          const Expr first = (g * Expr(count) + i) * Expr(sum.lanes);
          return kernel::store(out, kernel::matrix_ramp({first, columns, rows, columns}),
                               kernel::load(sums, i));
        });
        return kernel::allocate(sums, kernel::block({clear, steps, keep}));
      });
    });
  });
  return {"peak_bf16_matrix", {in, out}, body};
}

// Products of one grid iteration.
double products_of(const Arithmetic& arithmetic, const Target& target) {
  const MatrixTiles& tiles = target.bf16_matrices;
  if (arithmetic.products == kOfMatrices)
    return static_cast<double>(tiles.rows * tiles.columns * tiles.depth) * matrix_sums(tiles) *
           kMatrixSteps;
  return static_cast<double>(kSums) * kSteps * lanes_of(arithmetic, target) * arithmetic.products;
}

kernel::Kernel arithmetic_loop(const Arithmetic& arithmetic, const Target& target, int pieces) {
  if (arithmetic.products == kOfMatrices) return matrix_loop(target.bf16_matrices, pieces);
  const Type sum{arithmetic.sum, lanes_of(arithmetic, target)};
  const int products = sum.lanes * arithmetic.products;
  const Buffer out = kernel::make_buffer("out", {sum.dtype, 1}, kernel::Space::global,
                                         int64_t{pieces} * sum.lanes, true);
  const Buffer sums = kernel::make_buffer("sums", sum, kernel::Space::registers, kSums);
  const Stmt body = kernel::grid("g", pieces, [&](const Expr& g) {
    // Unknown to the code generator, and small enough to keep sums finite.
    const Expr small = kernel::cast(DType::f32, g) * kernel::f32(1e-6);
    const auto operand = [&](DType dtype) {
      return kernel::broadcast(kernel::cast(dtype, small), products);
    };
    const Expr a = kernel::variable("a", {arithmetic.a, products});
    const Expr b = kernel::variable("b", {arithmetic.b, products});
    const Stmt steps = kernel::serial("step", kSteps, [&](const Expr&) {
      return kernel::unrolled("i", kSums, [&](const Expr& i) {
        return kernel::store(sums, i, add_products(arithmetic, kernel::load(sums, i), a, b));
      });
    });
    const Expr start = kernel::broadcast(kernel::cast(sum.dtype, small), sum.lanes);
    return kernel::let(
        a, operand(arithmetic.a),
        kernel::let(b, operand(arithmetic.b), over_sums(sums, out, g, start, steps)));
  });
  return {fmt::format("peak_{}", arithmetic.name), {out}, body};
}

// Sums `bytes` of f32 in pieces of kStreamPiece.
kernel::Kernel stream_loop(const Target& target, int64_t bytes) {
  const Type vector{DType::f32, static_cast<int>(target.lanes(4))};
  const int pieces = static_cast<int>(bytes / (kStreamPiece << 10));
  const int steps = static_cast<int>((kStreamPiece << 10) / (kStreamSums * target.vector_bytes));
  const Buffer in =
      kernel::make_buffer("in", {DType::f32, 1}, kernel::Space::global, bytes / 4, false);
  const Buffer out = kernel::make_buffer("out", {DType::f32, 1}, kernel::Space::global,
                                         int64_t{pieces} * vector.lanes, true);
  const Buffer sums = kernel::make_buffer("sums", vector, kernel::Space::registers, kStreamSums);
  const Stmt body = kernel::grid("g", pieces, [&](const Expr& g) {
    const Stmt read = kernel::serial("step", steps, [&](const Expr& step) {
      return kernel::unrolled("i", kStreamSums, [&](const Expr& i) {
        const Expr place = ((g * Expr(steps) + step) * Expr(kStreamSums) + i) * Expr(vector.lanes);
        return kernel::store(
            sums, i,
            kernel::load(sums, i) + kernel::load(in, kernel::ramp(place, 1, vector.lanes)));
      });
    });
    return over_sums(sums, out, g, kernel::broadcast(kernel::f32(0), vector.lanes), read);
  });
  return {"peak_stream", {in, out}, body};
}

double seconds_of(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// The loops, compiled and loaded.
class Loops {
 public:
  static Result<std::unique_ptr<Loops>> create(std::vector<kernel::Kernel> kernels,
                                               const Target& target, int threads) {
    auto loops = std::make_unique<Loops>();
    const BackendRow& backend = backend_of(target);
    std::vector<std::string> objects;
    for (kernel::Kernel& k : kernels) {
      ASSIGN_OR_RETURN(loops->kernels_.emplace_back(), kernel::run_passes(k));
      ASSIGN_OR_RETURN(objects.emplace_back(),
                       backend.compile(loops->kernels_.back(), false, target));
    }
    ASSIGN_OR_RETURN(loops->code_, backend.link(objects, target));
    ASSIGN_OR_RETURN(const DeviceRow* row, find_device(target.backend));
    ASSIGN_OR_RETURN(loops->device_, row->create(threads));
    ASSIGN_OR_RETURN(loops->module_, loops->device_->load_module(
                                         {"", std::as_bytes(std::span<const char>(loops->code_))}));
    return loops;
  }

  // Shortest of some runs by the clock. Parameters that are read hold zeros.
  Result<double> fastest(size_t index, clockid_t clock) {
    const kernel::Kernel& k = kernels_[index];
    const runtime::PlanKernel planned{k.name, kernel::grid_extent(k), 0};
    runtime::Launch launch{&planned, {}};
    std::vector<std::unique_ptr<runtime::Buffer>> buffers;
    for (const Buffer& parameter : k.parameters) {
      ASSIGN_OR_RETURN(buffers.emplace_back(),
                       device_->allocate(parameter->size * size_in_bytes(parameter->type.dtype)));
      launch.buffers.push_back({buffers.back().get()});
      const std::span<std::byte> memory = buffers.back()->host_view();
      if (!parameter->written) std::ranges::fill(memory, std::byte{0});
    }
    ASSIGN_OR_RETURN(const auto list, device_->prepare(*module_, {&launch, 1}));
    double best = 1e30;
    for (int i = 0; i < kRuns; ++i) {
      const double begin = seconds_of(clock);
      TRY(device_->submit(*list));
      TRY(device_->wait());
      best = std::min(best, seconds_of(clock) - begin);
    }
    return best;
  }

 private:
  std::vector<kernel::Kernel> kernels_;
  std::string code_;
  std::unique_ptr<runtime::Device> device_;
  std::unique_ptr<runtime::Module> module_;
};

Result<Peaks> measure(const Target& target, int threads) {
  // Larger than what caches keep from one run to the next.
  const int64_t bytes = std::clamp<int64_t>(2 * target.l3_bytes, 32 << 20, 128 << 20) >> 16 << 16;
  std::vector<const Arithmetic*> rows;
  std::vector<kernel::Kernel> kernels;
  for (const Arithmetic& row : kArithmetic) {
    if (!row.exists(target)) continue;
    rows.push_back(&row);
    kernels.push_back(arithmetic_loop(row, target, kPieces));
  }
  // Cores share no registers: one thread's rate stands for each.
  ASSIGN_OR_RETURN(const auto arithmetic, Loops::create(std::move(kernels), target, 1));
  Peaks peaks{.threads = threads};
  for (size_t i = 0; i < rows.size(); ++i) {
    ASSIGN_OR_RETURN(const double seconds, arithmetic->fastest(i, CLOCK_PROCESS_CPUTIME_ID));
    peaks.*(rows[i]->rate) = 2 * products_of(*rows[i], target) * kPieces * threads / seconds * 1e-9;
  }
  ASSIGN_OR_RETURN(const auto stream, Loops::create({stream_loop(target, bytes)}, target, threads));
  ASSIGN_OR_RETURN(const double seconds, stream->fastest(0, CLOCK_MONOTONIC));
  peaks.bytes = static_cast<double>(bytes) / seconds * 1e-9;
  return peaks;
}

// The processor as the system names it: a virtual machine may move to another one, and LLVM's name
// stands for many.
std::string processor_name() {
  const Result<std::string> text = read_file("/proc/cpuinfo", 1 << 22);
  if (!text.ok()) return "";
  for (const std::string_view key : {"model name", "CPU part"}) {
    const size_t at = text->find(key);
    if (at != std::string::npos) return text->substr(at, text->find('\n', at) - at);
  }
  return "";
}

Json to_json(const Peaks& peaks) {
  Json json = {{"bytes", peaks.bytes}};
  for (const Arithmetic& row : kArithmetic) json[row.name] = peaks.*(row.rate);
  return json;
}

// Nothing where the entry is of another form.
Result<Peaks> peaks_from(const std::string& text, int threads) {
  ASSIGN_OR_RETURN(const Json json, parse_json(text, "cached peaks"));
  Peaks peaks{.threads = threads};
  ASSIGN_OR_RETURN(peaks.bytes, get<double>(json, "bytes", "cached peaks"));
  for (const Arithmetic& row : kArithmetic) {
    ASSIGN_OR_RETURN(peaks.*(row.rate), get<double>(json, row.name, "cached peaks"));
  }
  return peaks;
}

}  // namespace

Result<Peaks> measure_peaks(const Target& target, const DiskCache& cache, int threads) {
  const std::string key =
      fmt::format("{}\n{}\n{} threads", tempera::key(target), processor_name(), threads);
  if (const auto kept = cache.find("peaks", key)) {
    const Result<Peaks> peaks = peaks_from(*kept, threads);
    if (peaks.ok()) return peaks;
  }
  ASSIGN_OR_RETURN(const Peaks peaks, measure(target, threads));
  cache.store("peaks", key, to_json(peaks).dump());
  return peaks;
}

Result<Peaks> measure_host_peaks(int threads) {
  ASSIGN_OR_RETURN(const Target target, backend_table().front().target("native"));
  return measure_peaks(target, DiskCache(default_cache_folder()), threads);
}

}  // namespace tempera::api
