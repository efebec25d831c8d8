#include "tensor_file/ldm_names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace tempera {
namespace {

struct Rename {
  std::string_view stored, canonical;
};

constexpr std::array<Rename, 5> kUnetEnds = {{
    {"time_embed.0.", "time_embedding.linear_1."},
    {"time_embed.2.", "time_embedding.linear_2."},
    {"input_blocks.0.0.", "conv_in."},
    {"out.0.", "conv_norm_out."},
    {"out.2.", "conv_out."},
}};
constexpr std::array<Rename, 6> kUnetResnet = {{
    {"in_layers.0.", "norm1."},
    {"in_layers.2.", "conv1."},
    {"emb_layers.1.", "time_emb_proj."},
    {"out_layers.0.", "norm2."},
    {"out_layers.3.", "conv2."},
    {"skip_connection.", "conv_shortcut."},
}};
constexpr std::array<Rename, 1> kVaeResnet = {{{"nin_shortcut.", "conv_shortcut."}}};
constexpr std::array<Rename, 5> kVaeAttention = {{
    {"norm.", "group_norm."},
    {"q.", "to_q."},
    {"k.", "to_k."},
    {"v.", "to_v."},
    {"proj_out.", "to_out.0."},
}};
constexpr std::array<Rename, 5> kVaeSides = {{
    {"mid.block_1.", "mid_block.resnets.0."},
    {"mid.block_2.", "mid_block.resnets.1."},
    {"conv_in.", "conv_in."},
    {"norm_out.", "conv_norm_out."},
    {"conv_out.", "conv_out."},
}};
constexpr std::array<Rename, 4> kOpenClipEnds = {{
    {"token_embedding.weight", "embeddings.token_embedding.weight"},
    {"positional_embedding", "embeddings.position_embedding.weight"},
    {"ln_final.weight", "final_layer_norm.weight"},
    {"ln_final.bias", "final_layer_norm.bias"},
}};
constexpr std::array<Rename, 5> kOpenClipLayer = {{
    {"ln_1.", "layer_norm1."},
    {"ln_2.", "layer_norm2."},
    {"mlp.c_fc.", "mlp.fc1."},
    {"mlp.c_proj.", "mlp.fc2."},
    {"attn.out_proj.", "self_attn.out_proj."},
}};
constexpr std::array<Rename, 2> kOpenClipFused = {{
    {"attn.in_proj_weight", "weight"},
    {"attn.in_proj_bias", "bias"},
}};

bool consume(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// "12." at the front of the text.
std::optional<size_t> consume_index(std::string_view& text) {
  size_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const auto digits = static_cast<size_t>(end - text.data());
  if (failure != std::errc() || digits > 4 || digits == text.size() || *end != '.')
    return std::nullopt;
  text.remove_prefix(digits + 1);
  return value;
}

// The name with its beginning replaced, if a row fits.
std::optional<std::string> renamed(std::string_view name, std::span<const Rename> table) {
  for (const Rename& row : table)
    if (name.starts_with(row.stored))
      return std::string(row.canonical) + std::string(name.substr(row.stored.size()));
  return std::nullopt;
}

std::string renamed_or_same(std::string_view name, std::span<const Rename> table) {
  return renamed(name, table).value_or(std::string(name));
}

// Where an entry of input_blocks or output_blocks stands in diffusers: resnet `index` of `block`,
// or the block's down-sampler.
struct Slot {
  size_t block = 0, index = 0;
};
struct UnetSlots {
  std::vector<Slot> down, up;  // by the entry's number
};

// Of each entry of a list of blocks: whether it changes the size of the picture.
std::map<size_t, bool> resizes(const NamedTensors& stored, std::string_view list,
                               std::string_view layer) {
  std::map<size_t, bool> found;
  for (const auto& [name, tensor] : stored) {
    std::string_view tail = name;
    if (!consume(tail, list)) continue;
    const std::optional<size_t> entry = consume_index(tail);
    if (!entry || !consume_index(tail)) continue;
    found[*entry] |= tail.starts_with(layer);
  }
  return found;
}

Status check_complete(const std::map<size_t, bool>& entries, std::string_view list) {
  size_t next = 0;
  for (const auto& [entry, resizes] : entries)
    if (entry != next++)
      return error(ErrorCode::data_loss, "no tensor of {}{} is there", list, next - 1);
  return {};
}

// An input entry of its own shrinks the picture and ends its block; the last layer of an output
// entry enlarges it and ends its block.
Result<UnetSlots> read_slots(const NamedTensors& stored) {
  const auto inputs = resizes(stored, "input_blocks.", "op.");
  const auto outputs = resizes(stored, "output_blocks.", "conv.");
  TRY(check_complete(inputs, "input_blocks."));
  TRY(check_complete(outputs, "output_blocks."));
  UnetSlots slots;
  Slot at;
  for (const auto& [entry, shrinks] : inputs) {
    slots.down.push_back(at);
    if (entry > 0) ++at.index;
    if (shrinks) at = {at.block + 1, 0};
  }
  at = {};
  for (const auto& [entry, enlarges] : outputs) {
    slots.up.push_back(at);
    ++at.index;
    if (enlarges) at = {at.block + 1, 0};
  }
  return slots;
}

std::string input_name(const Slot& slot, size_t layer, std::string_view tail) {
  if (consume(tail, "op."))
    return fmt::format("down_blocks.{}.downsamplers.0.conv.{}", slot.block, tail);
  if (layer == 0)
    return fmt::format("down_blocks.{}.resnets.{}.{}", slot.block, slot.index,
                       renamed_or_same(tail, kUnetResnet));
  return fmt::format("down_blocks.{}.attentions.{}.{}", slot.block, slot.index, tail);
}

std::string output_name(const Slot& slot, size_t layer, std::string_view tail) {
  if (layer > 0 && tail.starts_with("conv."))
    return fmt::format("up_blocks.{}.upsamplers.0.{}", slot.block, tail);
  if (layer == 0)
    return fmt::format("up_blocks.{}.resnets.{}.{}", slot.block, slot.index,
                       renamed_or_same(tail, kUnetResnet));
  return fmt::format("up_blocks.{}.attentions.{}.{}", slot.block, slot.index, tail);
}

std::string middle_name(size_t layer, std::string_view tail) {
  if (layer == 1) return fmt::format("mid_block.attentions.0.{}", tail);
  return fmt::format("mid_block.resnets.{}.{}", layer / 2, renamed_or_same(tail, kUnetResnet));
}

std::optional<std::string> unet_name(std::string_view name, const UnetSlots& slots) {
  if (auto end = renamed(name, kUnetEnds)) return end;
  if (consume(name, "middle_block.")) {
    const std::optional<size_t> layer = consume_index(name);
    return layer ? std::optional(middle_name(*layer, name)) : std::nullopt;
  }
  const bool is_input = consume(name, "input_blocks.");
  if (!is_input && !consume(name, "output_blocks.")) return std::nullopt;
  const std::optional<size_t> entry = consume_index(name);
  const std::optional<size_t> layer = entry ? consume_index(name) : std::nullopt;
  if (!layer) return std::nullopt;
  return is_input ? input_name(slots.down[*entry], *layer, name)
                  : output_name(slots.up[*entry], *layer, name);
}

// Levels of the decoder, which LDM counts from the largest picture.
size_t decoder_levels(const NamedTensors& stored) {
  size_t levels = 0;
  for (const auto& [name, tensor] : stored) {
    std::string_view tail = name;
    if (!consume(tail, "decoder.up.")) continue;
    if (const auto level = consume_index(tail)) levels = std::max(levels, *level + 1);
  }
  return levels;
}

std::optional<std::string> level_name(std::string_view tail, std::string_view list,
                                      std::string_view resize, size_t block) {
  if (consume(tail, "block.")) {
    const std::optional<size_t> index = consume_index(tail);
    if (!index) return std::nullopt;
    return fmt::format("{}.{}.resnets.{}.{}", list, block, *index,
                       renamed_or_same(tail, kVaeResnet));
  }
  if (consume(tail, "downsample.") || consume(tail, "upsample."))
    return fmt::format("{}.{}.{}.0.{}", list, block, resize, tail);
  return std::nullopt;
}

std::optional<std::string> vae_side_name(std::string_view tail, size_t levels) {
  if (consume(tail, "mid.attn_1."))
    return "mid_block.attentions.0." + renamed_or_same(tail, kVaeAttention);
  if (auto side = renamed(tail, kVaeSides)) return side;
  const bool is_down = consume(tail, "down.");
  if (!is_down && !consume(tail, "up.")) return std::nullopt;
  const std::optional<size_t> level = consume_index(tail);
  if (!level) return std::nullopt;
  return is_down ? level_name(tail, "down_blocks", "downsamplers", *level)
                 : level_name(tail, "up_blocks", "upsamplers", levels - 1 - *level);
}

std::optional<std::string> vae_name(std::string_view name, size_t levels) {
  if (name.starts_with("quant_conv.") || name.starts_with("post_quant_conv."))
    return std::string(name);
  for (const std::string_view side : {"encoder.", "decoder."}) {
    std::string_view tail = name;
    if (!consume(tail, side)) continue;
    const auto found = vae_side_name(tail, levels);
    return found ? std::optional(std::string(side) + *found) : std::nullopt;
  }
  return std::nullopt;
}

// LDM's VAE projects by convolutions of 1x1, diffusers' by matrices.
bool is_projection(std::string_view canonical, const Shape& shape) {
  return canonical.find(".attentions.") != std::string_view::npos && shape.size() == 4 &&
         shape[2] == 1 && shape[3] == 1;
}

void add_fused(const std::string& layer, std::string_view leaf, const StoredTensor& tensor,
               NamedTensors& result) {
  if (tensor.shape.empty()) return;
  const int64_t width = tensor.shape[0] / 3;
  int64_t row = 0;
  for (const char* projection : {"q_proj", "k_proj", "v_proj"}) {
    result.emplace_back(fmt::format("{}self_attn.{}.{}", layer, projection, leaf),
                        rows_of(tensor, row, row + width));
    row += width;
  }
}

void add_layer(std::string_view tail, const StoredTensor& tensor, NamedTensors& result) {
  const std::optional<size_t> index = consume_index(tail);
  if (!index) return;
  const std::string layer = fmt::format("encoder.layers.{}.", *index);
  if (const auto name = renamed(tail, kOpenClipLayer)) result.emplace_back(layer + *name, tensor);
  for (const Rename& fused : kOpenClipFused)
    if (tail == fused.stored) add_fused(layer, fused.canonical, tensor, result);
}

}  // namespace

StoredTensor rows_of(const StoredTensor& tensor, int64_t begin, int64_t end) {
  CHECK(!tensor.shape.empty() && begin <= end && end <= tensor.shape[0], "rows {} to {} of {}",
        begin, end, to_string(tensor.shape));
  StoredTensor rows = tensor;
  rows.shape[0] = end - begin;
  const auto bytes_of_rows = [&](int64_t count) {
    Shape shape = tensor.shape;
    shape[0] = count;
    return static_cast<size_t>(element_count(shape) * size_in_bytes(tensor.dtype));
  };
  const size_t first = bytes_of_rows(begin), size = bytes_of_rows(end - begin);
  if (!tensor.compute) {
    rows.bytes = tensor.bytes.empty() ? tensor.bytes : tensor.bytes.subspan(first, size);
    return rows;
  }
  rows.compute = [whole = tensor.compute, shape = rows.shape, first, size]() -> Result<Tensor> {
    ASSIGN_OR_RETURN(const Tensor values, whole());
    Tensor part(values.dtype, shape);
    std::copy_n(values.data.begin() + static_cast<std::ptrdiff_t>(first), size, part.data.begin());
    return part;
  };
  return rows;
}

StoredTensor reshaped(StoredTensor tensor, Shape shape) {
  CHECK(element_count(shape) == element_count(tensor.shape), "{} as {}", to_string(tensor.shape),
        to_string(shape));
  tensor.shape = shape;
  if (tensor.compute)
    tensor.compute = [whole = tensor.compute, shape = std::move(shape)]() -> Result<Tensor> {
      ASSIGN_OR_RETURN(Tensor values, whole());
      values.shape = shape;
      return values;
    };
  return tensor;
}

Result<NamedTensors> unet_from_ldm(const NamedTensors& stored) {
  ASSIGN_OR_RETURN(const UnetSlots slots, read_slots(stored));
  NamedTensors result;
  for (const auto& [name, tensor] : stored)
    if (auto canonical = unet_name(name, slots)) result.emplace_back(std::move(*canonical), tensor);
  return result;
}

NamedTensors vae_from_ldm(const NamedTensors& stored) {
  const size_t levels = decoder_levels(stored);
  NamedTensors result;
  for (const auto& [name, tensor] : stored) {
    auto canonical = vae_name(name, levels);
    if (!canonical) continue;
    const bool is_matrix = is_projection(*canonical, tensor.shape);
    result.emplace_back(std::move(*canonical),
                        is_matrix ? reshaped(tensor, {tensor.shape[0], tensor.shape[1]}) : tensor);
  }
  return result;
}

NamedTensors text_encoder_from_open_clip(const NamedTensors& stored) {
  NamedTensors result;
  for (const auto& [name, tensor] : stored) {
    std::string_view tail = name;
    if (auto end = renamed(tail, kOpenClipEnds))
      result.emplace_back(std::move(*end), tensor);
    else if (consume(tail, "transformer.resblocks."))
      add_layer(tail, tensor, result);
  }
  return result;
}

}  // namespace tempera
