#include "frontend/adapters/ldm_unet_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace tempera::frontend {
namespace {

using Rename = std::pair<std::string_view, std::string_view>;

constexpr std::array<Rename, 5> kOutside = {{{"conv_in", "input_blocks.0.0"},
                                             {"time_embedding.linear_1", "time_embed.0"},
                                             {"time_embedding.linear_2", "time_embed.2"},
                                             {"conv_norm_out", "out.0"},
                                             {"conv_out", "out.2"}}};
constexpr std::array<Rename, 6> kResnet = {{{"norm1", "in_layers.0"},
                                            {"conv1", "in_layers.2"},
                                            {"time_emb_proj", "emb_layers.1"},
                                            {"norm2", "out_layers.0"},
                                            {"conv2", "out_layers.3"},
                                            {"conv_shortcut", "skip_connection"}}};

template <size_t count>
std::string_view renamed(const std::array<Rename, count>& table, std::string_view name) {
  const auto row = std::ranges::find(table, name, &Rename::first);
  return row == table.end() ? std::string_view() : row->second;
}

// Cuts the part before the first '.' off `path`.
std::string_view take(std::string_view& path) {
  const size_t dot = std::min(path.find('.'), path.size());
  const std::string_view head = path.substr(0, dot);
  path.remove_prefix(std::min(dot + 1, path.size()));
  return head;
}

int take_number(std::string_view& path) {
  const std::string_view text = take(path);
  int number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// A module within the block that LDM calls `block`, whose resnet is `resnet` and whose attention
// follows it.
std::string inside(std::string_view block, int resnet, std::string_view kind,
                   std::string_view rest) {
  if (kind == "attentions") return fmt::format("{}.{}.{}", block, resnet + 1, rest);
  const std::string_view layer = renamed(kResnet, rest);
  if (layer.empty()) return {};
  return fmt::format("{}.{}.{}", block, resnet, layer);
}

std::string in_down_block(std::string_view path, const UnetBlocks& blocks) {
  const int block = take_number(path);
  const std::string_view kind = take(path);
  const int index = take_number(path);
  const int first = 1 + block * (blocks.layers + 1);
  if (kind == "downsamplers") return fmt::format("input_blocks.{}.0.op", first + blocks.layers);
  return inside(fmt::format("input_blocks.{}", first + index), 0, kind, path);
}

std::string in_up_block(std::string_view path, const UnetBlocks& blocks) {
  const int block = take_number(path);
  const std::string_view kind = take(path);
  const int index = take_number(path);
  const int first = block * (blocks.layers + 1);
  if (block < 0 || block >= static_cast<int>(blocks.up_attends.size())) return {};
  if (kind == "upsamplers")
    return fmt::format("output_blocks.{}.{}.conv", first + blocks.layers,
                       blocks.up_attends[block] ? 2 : 1);
  return inside(fmt::format("output_blocks.{}", first + index), 0, kind, path);
}

std::string in_mid_block(std::string_view path) {
  const std::string_view kind = take(path);
  const int index = take_number(path);
  return inside("middle_block", kind == "attentions" ? 0 : 2 * index, kind, path);
}

}  // namespace

UnetBlocks unet_blocks(const std::vector<std::string>& modules) {
  UnetBlocks blocks;
  for (std::string_view path : modules) {
    const std::string_view outer = take(path);
    if (outer != "down_blocks" && outer != "up_blocks") continue;
    const int block = take_number(path);
    const std::string_view kind = take(path);
    const int index = take_number(path);
    if (block < 0 || block > 100) continue;
    if (outer == "down_blocks") {
      if (kind == "resnets") blocks.layers = std::max(blocks.layers, index + 1);
      continue;
    }
    if (static_cast<int>(blocks.up_attends.size()) <= block) blocks.up_attends.resize(block + 1);
    if (kind == "attentions") blocks.up_attends[block] = true;
  }
  return blocks;
}

std::string ldm_unet_path(std::string_view module, const UnetBlocks& blocks) {
  if (const std::string_view outside = renamed(kOutside, module); !outside.empty())
    return std::string(outside);
  std::string_view path = module;
  const std::string_view outer = take(path);
  if (outer == "down_blocks") return in_down_block(path, blocks);
  if (outer == "up_blocks") return in_up_block(path, blocks);
  if (outer == "mid_block") return in_mid_block(path);
  return {};
}

}  // namespace tempera::frontend
