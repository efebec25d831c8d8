#include "graph/passes/merge_products.h"

#include <map>
#include <optional>
#include <tuple>

#include "graph/attribute.h"
#include "graph/passes/rewrite.h"
#include "graph/text.h"

namespace tempera::graph {

namespace {

// A long row of results costs its readers a page for each row, which a few rows do not feel.
constexpr int64_t kFewRows = 16;

// A product with the bias that follows it, if one does.
struct Product {
  NodeId matmul;
  ValueId bias = kAbsent;
  NodeId last;  // the matmul, or the addition of the bias
};

class Merger {
 public:
  explicit Merger(const Graph& graph)
      : graph_(graph), users_(users(graph)), rewriter_(graph), is_output_(graph.values().size()) {
    for (const NamedValue& output : graph.outputs()) is_output_[output.value] = true;
  }

  Graph run() {
    find_families();
    // Weights first: those of a whole family are read where its first product stands.
    for (NodeId n = 0; n < std::ssize(graph_.nodes()); ++n)
      if (is_load(result(n))) rewriter_.copy(graph_.node(n));
    for (NodeId n = 0; n < std::ssize(graph_.nodes()); ++n)
      if (!is_load(result(n)) && !is_merged(n)) rewriter_.copy(graph_.node(n));
    return rewriter_.finish();
  }

 private:
  ValueId result(NodeId n) const { return graph_.node(n).outputs[0]; }
  const Shape& shape(ValueId id) const { return graph_.value(id).shape; }
  bool is_load(ValueId id) const { return graph_.value(id).rate <= Rate::load; }

  // What products of one family have in common: the value that is multiplied, dtypes and whether a
  // bias follows; and the node that reads them, or -1 if they have few rows.
  using Family = std::tuple<ValueId, std::string, DType, DType, NodeId>;

  void find_families() {
    std::map<Family, std::vector<Product>> families;
    for (NodeId n = 0; n < std::ssize(graph_.nodes()); ++n)
      if (auto product = product_at(n))
        if (auto family = family_of(*product)) families[*family].push_back(*product);
    for (auto& [family, products] : families) {
      if (products.size() < 2) continue;
      for (const Product& product : products)
        member_of_[product.matmul] = member_of_[product.last] = std::ssize(families_);
      families_.push_back(std::move(products));
    }
  }

  std::optional<Product> product_at(NodeId n) const {
    const Node& node = graph_.node(n);
    if (node.op != Op::matmul || is_load(node.inputs[0]) || !is_load(node.inputs[1]))
      return std::nullopt;
    if (shape(node.inputs[0]).size() < 2 || shape(node.inputs[1]).size() != 2) return std::nullopt;
    Product product{n, kAbsent, n};
    if (is_output_[result(n)] || users_[result(n)].size() != 1) return product;
    NodeId next = users_[result(n)][0];
    const Node& sum = graph_.node(next);
    if (sum.op != Op::add) return product;
    ValueId other = sum.inputs[0] == result(n) ? sum.inputs[1] : sum.inputs[0];
    if (!is_load(other) || shape(other) != Shape{shape(result(n)).back()}) return product;
    return Product{n, other, next};
  }

  std::optional<Family> family_of(const Product& product) const {
    ValueId value = result(product.last);
    for (NodeId user : users_[value]) {
      const Node& reader = graph_.node(user);
      bool follows = row(reader.op).op_class == OpClass::elementwise &&
                     shape(reader.outputs[0]) == shape(value);
      if (follows) return std::nullopt;
    }
    const Node& node = graph_.node(product.matmul);
    bool is_small = element_count(shape(value)) <= kFewRows * shape(value).back();
    NodeId reader = users_[value].empty() ? -1 : users_[value][0];
    if (!is_small && users_[value].size() != 1) return std::nullopt;
    std::string kind = print(node.attributes) + (product.bias == kAbsent ? "" : " bias");
    DType bias = product.bias == kAbsent ? DType::boolean : graph_.value(product.bias).dtype;
    return Family{node.inputs[0], kind, graph_.value(node.inputs[1]).dtype, bias,
                  is_small ? -1 : reader};
  }

  // A node of a family: all of it is written where its first product stands.
  bool is_merged(NodeId n) {
    auto at = member_of_.find(n);
    if (at == member_of_.end()) return false;
    if (families_[at->second].front().matmul == n) write(families_[at->second]);
    return true;
  }

  std::vector<std::string> origin_of(const std::vector<Product>& products) const {
    std::vector<std::string> origin;
    for (const Product& product : products)
      for (const std::string& path : graph_.node(product.matmul).origin) origin.push_back(path);
    return origin;
  }

  void write(const std::vector<Product>& products) {
    const Node& first = graph_.node(products[0].matmul);
    const auto origin = origin_of(products);
    std::vector<ValueId> weights, biases;
    for (const Product& product : products) {
      weights.push_back(rewriter_.now(graph_.node(product.matmul).inputs[1]));
      if (product.bias != kAbsent) biases.push_back(rewriter_.now(product.bias));
    }
    const auto add = [&](Op op, std::vector<ValueId> inputs, const Attributes& attributes) {
      return rewriter_.to.add(op, std::move(inputs), attributes, origin)[0];
    };
    ValueId weight = joined(weights, origin);
    ValueId sum = add(Op::matmul, {rewriter_.now(first.inputs[0]), weight}, first.attributes);
    if (!biases.empty()) {
      ValueId bias = add(Op::concat, biases, {{"axis", int64_t{0}}});
      sum = add(Op::add, {sum, bias}, {});
    }
    take_slices(products, sum);
  }

  // [k, n] each, side by side. Transposes are done once, on all: it is then the one weight of a
  // linear layer, [n, k].
  ValueId joined(const std::vector<ValueId>& weights, const std::vector<std::string>& origin) {
    const Graph& graph = rewriter_.to;
    std::vector<ValueId> turned;
    for (ValueId weight : weights) {
      NodeId producer = graph.value(weight).producer;
      if (producer < 0 || graph.node(producer).op != Op::transpose) break;
      turned.push_back(graph.node(producer).inputs[0]);
    }
    if (turned.size() < weights.size())
      return rewriter_.to.add(Op::concat, weights, {{"axis", int64_t{1}}}, origin)[0];
    ValueId whole = rewriter_.to.add(Op::concat, turned, {{"axis", int64_t{0}}}, origin)[0];
    using List = std::vector<int64_t>;
    return rewriter_.to.add(Op::transpose, {whole}, {{"perm", List{1, 0}}}, origin)[0];
  }

  void take_slices(const std::vector<Product>& products, ValueId whole) {
    using List = std::vector<int64_t>;
    int64_t start = 0;
    for (const Product& product : products) {
      const Node& node = graph_.node(product.matmul);
      const Shape& piece = shape(node.outputs[0]);
      List axes{static_cast<int64_t>(piece.size()) - 1}, starts{start}, ends{start + piece.back()};
      ValueId slice = rewriter_.to.add(
          Op::slice, {whole}, {{"axes", axes}, {"starts", starts}, {"ends", ends}}, node.origin)[0];
      rewriter_.replace(result(product.last), slice);
      start += piece.back();
    }
  }

  const Graph& graph_;
  std::vector<std::vector<NodeId>> users_;
  Rewriter rewriter_;
  std::vector<bool> is_output_;
  std::vector<std::vector<Product>> families_;
  std::map<NodeId, int64_t> member_of_;  // products and additions of a bias: their family
};

}  // namespace

Graph merge_products(const Graph& graph) { return Merger(graph).run(); }

}  // namespace tempera::graph
