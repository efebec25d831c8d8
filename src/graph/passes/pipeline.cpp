#include "graph/passes/pipeline.h"

#include <chrono>

#include "base/log.h"
#include "graph/passes/chain_products.h"
#include "graph/passes/choose_layout.h"
#include "graph/passes/expand_norms.h"
#include "graph/passes/fold_literals.h"
#include "graph/passes/merge_products.h"
#include "graph/passes/simplify.h"
#include "graph/passes/sink_repeat.h"
#include "graph/passes/upsample_conv.h"
#include "graph/text.h"
#include "graph/verify.h"

namespace tempera::graph {

namespace {

// Long tables of numbers help nobody in a dump.
constexpr PrintOptions kDump{.literal_limit = 16};

Graph fold(const Graph& graph) { return fold_literals(graph); }

Graph operands(const Graph& graph, const PassContext& context) {
  return narrow_operands(graph, context.options.precision);
}
Graph storage(const Graph& graph, const PassContext& context) {
  return narrow_storage(graph, context.options.precision, context.rules);
}

// clang-format off
constexpr Pass kPasses[] = {
    // Models are written plainly: the first round drops what repeats between modules and computes what is known.
    {"simplify", simplify},
    {"fold_literals", fold},
    // Before expand_norms, whose several nodes and views would be more to sink through.
    {"sink_repeat", sink_repeat},
    // Before anything that looks at convolutions alone.
    {"upsample_conv", upsample_conv},
    // After sink_repeat: products merge that are of the same rows.
    {"merge_products", merge_products},
    // After merge_products, which moves what is done with weights to the front: products of weights
    // stay beside their readers, and so are gone again soon.
    {"chain_products", chain_products},
    // Before choose_layout, which then sees only ops that follow their operands' layout.
    {"expand_norms", expand_norms},
    // Folding and merging leave dead nodes, and expanded norms repeat work on shared values.
    {"simplify_again", simplify},
    // After all rewrites of f32 arithmetic. The second sees the groups that fuse will make.
    {"precision_operands", nullptr, operands},
    {"precision_storage", nullptr, storage},
    // After the last simplify, which would take an identity reshape between two layouts for nothing.
    {"choose_layout", choose_layout},
};
// clang-format on

bool is_pass(std::string_view name) {
  if (name.empty() || name == "build" || name == "fuse") return true;
  for (const Pass& pass : kPasses)
    if (pass.name == name) return true;
  return false;
}

Error unknown_pass(std::string_view name) {
  std::string names = "build";
  for (const Pass& pass : kPasses) names += ", " + std::string(pass.name);
  return error(ErrorCode::invalid_argument, "'{}' is no pass; these are: {}, fuse", name, names);
}

class Runner {
 public:
  explicit Runner(const PassOptions& options) : options_(options) {}

  template <typename Function>
  auto step(std::string_view name, Function function) {
    auto start = std::chrono::steady_clock::now();
    auto result = function();
    std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
    if (options_.time) log(LogLevel::info, "{}: {:.1f} ms", name, spent.count());
    return result;
  }
  void look(std::string_view name, const Graph& graph, Fused& result) const {
    if (options_.verify) {
      Status status = verify(graph);
      CHECK(status.ok(), "after {}: {}", name, status.error().message);
    }
    if (options_.watch) options_.watch(name, graph);
    if (options_.dump_after == name) result.dump = print(graph, kDump);
  }

 private:
  const PassOptions& options_;
};

}  // namespace

std::span<const Pass> pass_table() { return kPasses; }

Result<Fused> run_passes(const Graph& graph, const FuseRules& rules, const PassOptions& options) {
  if (!is_pass(options.dump_after)) return unknown_pass(options.dump_after);
  Runner runner(options);
  Fused result{graph, {}, {}};
  runner.look("build", graph, result);
  for (const Pass& pass : kPasses) {
    result.graph = runner.step(pass.name, [&] {
      return pass.run ? pass.run(result.graph) : pass.run_with(result.graph, {rules, options});
    });
    runner.look(pass.name, result.graph, result);
  }
  result.groups = runner.step("fuse", [&] { return fuse(result.graph, rules); });
  if (options.dump_after == "fuse") result.dump = print_groups(result.graph, result.groups);
  return result;
}

}  // namespace tempera::graph
