#include "frontend/adapters/lora.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "frontend/adapters/ldm_unet_path.h"
#include "frontend/adapters/lora_names.h"
#include "tensor_file/convert.h"
#include "test/reference/golden.h"

namespace tempera::frontend {
namespace {

struct NameCase {
  std::string name;
  Part part;
  std::string module, role;
};

TEST(LoraNames, OfEachProgramThatWritesThem) {
  const std::string attention = "down_blocks_0_attentions_0_transformer_blocks_0_attn1_";
  const std::string dotted = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.";
  const std::string text = "encoder_layers_0_self_attn_q_proj";
  const std::vector<NameCase> cases = {
      {"lora_unet_" + attention + "to_q.lora_down.weight", Part::unet, attention + "to_q",
       "lora_down"},
      {"lora_unet_input_blocks_1_1_proj_in.alpha", Part::unet, "input_blocks_1_1_proj_in", "alpha"},
      {"lora_te_text_model_" + text + ".lora_up.weight", Part::text_encoder, text, "lora_up"},
      {"lora_te1_text_model_" + text + ".hada_w1_a", Part::text_encoder, text, "hada_w1_a"},
      {"unet." + dotted + "to_out.0.lora_A.weight", Part::unet, attention + "to_out_0",
       "lora_down"},
      {"unet." + dotted + "to_q.lora.up.weight", Part::unet, attention + "to_q", "lora_up"},
      {"base_model.model.unet." + dotted + "to_q.lora_B.default.weight", Part::unet,
       attention + "to_q", "lora_up"},
      {dotted + "processor.to_out_lora.down.weight", Part::unet, attention + "to_out_0",
       "lora_down"},
      {"unet." + dotted + "processor.to_k_lora.up.weight", Part::unet, attention + "to_k",
       "lora_up"},
      {"text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_linear_layer.up.weight",
       Part::text_encoder, text, "lora_up"},
      {"text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.up.weight", Part::text_encoder,
       text, "lora_up"},
      {"unet." + dotted + "to_q.lora_magnitude_vector.weight", Part::unet, attention + "to_q",
       "magnitude"},
      {"lora_unet_conv_in.lokr_w2_a", Part::unet, "conv_in", "lokr_w2_a"},
      {"lora_unet_conv_in.diff_b", Part::unet, "conv_in", "diff_b"},
      {"lora_unet_mid_block_resnets_0_norm1.b_norm", Part::unet, "mid_block_resnets_0_norm1",
       "diff_b"},
  };
  for (const NameCase& c : cases) {
    const std::optional<LoraName> got = parse_lora_name(c.name);
    ASSERT_TRUE(got) << c.name;
    EXPECT_EQ(got->part, c.part) << c.name;
    EXPECT_EQ(got->module, c.module) << c.name;
    EXPECT_EQ(got->role, c.role) << c.name;
  }
  for (const std::string name : {"lora_te2_x.alpha", "lora_unet_x.oft_diag", "conv.weight", ""})
    EXPECT_FALSE(parse_lora_name(name)) << name;
}

std::vector<std::string> tiny_unet_modules() {
  const Result<SafetensorsFile> file = SafetensorsFile::open(
      test::data_path("tiny/sd15/unet/diffusion_pytorch_model.fp16.safetensors"));
  std::vector<std::string> modules;
  for (const TensorInfo& tensor : file->tensors())
    if (tensor.name.ends_with(".weight"))
      modules.push_back(tensor.name.substr(0, tensor.name.size() - 7));
  return modules;
}

// The names of LDM's stock v1 config, which tiny/sd15 has the structure of.
TEST(LdmUnetPath, IsThatOfTheOriginalCode) {
  const std::vector<std::string> modules = tiny_unet_modules();
  const UnetBlocks blocks = unet_blocks(modules);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"conv_in", "input_blocks.0.0"},
      {"time_embedding.linear_2", "time_embed.2"},
      {"down_blocks.0.resnets.1.conv1", "input_blocks.2.0.in_layers.2"},
      {"down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k",
       "input_blocks.4.1.transformer_blocks.0.attn2.to_k"},
      {"down_blocks.2.downsamplers.0.conv", "input_blocks.9.0.op"},
      {"down_blocks.3.resnets.1.time_emb_proj", "input_blocks.11.0.emb_layers.1"},
      {"mid_block.resnets.1.norm2", "middle_block.2.out_layers.0"},
      {"mid_block.attentions.0.proj_out", "middle_block.1.proj_out"},
      {"up_blocks.0.upsamplers.0.conv", "output_blocks.2.1.conv"},
      {"up_blocks.1.upsamplers.0.conv", "output_blocks.5.2.conv"},
      {"up_blocks.3.resnets.2.conv_shortcut", "output_blocks.11.0.skip_connection"},
      {"conv_norm_out", "out.0"},
  };
  for (const auto& [module, path] : cases) EXPECT_EQ(ldm_unet_path(module, blocks), path);
  std::set<std::string> paths;
  for (const std::string& module : modules) paths.insert(ldm_unet_path(module, blocks));
  EXPECT_EQ(paths.size(), modules.size());
  EXPECT_FALSE(paths.contains(""));
  EXPECT_EQ(ldm_unet_path("down_blocks", blocks), "");
  EXPECT_EQ(ldm_unet_path("up_blocks.9.upsamplers.0.conv", blocks), "");
}

StoredTensor tensor(Shape shape, const std::vector<float>& values, DType dtype = DType::f32) {
  const auto made = std::make_shared<Tensor>(Tensor::of(DType::f32, shape, values));
  if (dtype == DType::f32)
    return {.dtype = dtype, .shape = std::move(shape), .bytes = made->data, .owner = made};
  CHECK(dtype == DType::f16, "f32 or f16");
  const auto half = std::make_shared<Tensor>(DType::f16, shape);
  convert(DType::f32, made->data, DType::f16, half->data);
  return {.dtype = dtype, .shape = std::move(shape), .bytes = half->data, .owner = half};
}

NamedTensors lora_of(const std::string& module, float up, float down) {
  return {{module + ".lora_up.weight", tensor({2, 1}, {up, 2 * up})},
          {module + ".lora_down.weight", tensor({1, 2}, {down, -down})}};
}

LoraUse use(const NamedTensors& tensors, double unet = 1, double text = 1) {
  return {std::make_shared<Lora>(*read_lora(tensors, "l.safetensors")), unet, text};
}

// 1 + 2^-11 is no f16, 1 + 2^-10 is: two changes of half a step add before the one rounding.
TEST(MergeLoras, AddsThemAllAndRoundsOnce) {
  const NamedTensors base = {{"conv_in.weight", tensor({2, 2}, {1, 1, 1, 1}, DType::f16)},
                             {"conv_in.bias", tensor({2}, {0, 0})}};
  const LoraUse half = use(lora_of("lora_unet_conv_in", 1.0F / 2048, 1));
  const Result<NamedTensors> merged = merge_loras(Part::unet, base, std::vector{half, half});
  ASSERT_TRUE(merged.ok());
  const StoredTensor& weight = *tempera::find(*merged, "conv_in.weight");
  EXPECT_EQ(weight.dtype, DType::f16);
  EXPECT_EQ((*values_of(weight))[0], 1 + 1.0F / 1024);
  EXPECT_FALSE(tempera::find(*merged, "conv_in.bias")->compute);
}

TEST(MergeLoras, GivesEachPartItsStrength) {
  NamedTensors file = lora_of("lora_unet_input_blocks_0_0", 1, 1);
  for (auto& entry : lora_of("lora_te_text_model_encoder_fc1", 1, 1)) file.push_back(entry);
  const std::vector loras = {use(file, 0.5, 0.25)};
  const NamedTensors unet = {{"conv_in.weight", tensor({2, 2}, {0, 0, 0, 0})}};
  const NamedTensors text = {{"encoder.fc1.weight", tensor({2, 2}, {0, 0, 0, 0})}};
  const NamedTensors merged_unet = *merge_loras(Part::unet, unet, loras);
  const NamedTensors merged_text = *merge_loras(Part::text_encoder, text, loras);
  EXPECT_EQ(*values_of(merged_unet[0].second), (std::vector<float>{0.5, -0.5, 1, -1}));
  EXPECT_EQ(*values_of(merged_text[0].second), (std::vector<float>{0.25, -0.25, 0.5, -0.5}));
}

TEST(MergeLoras, LeavesWeightsAloneAtStrengthZero) {
  const NamedTensors base = {{"conv_in.weight", tensor({2, 2}, {1, 2, 3, 4})}};
  const std::vector loras = {use(lora_of("lora_unet_conv_in", 1, 1), 0)};
  const NamedTensors merged = *merge_loras(Part::unet, base, loras);
  EXPECT_FALSE(merged[0].second.compute);
  EXPECT_EQ(merged[0].second.bytes.data(), base[0].second.bytes.data());
}

TEST(MergeLoras, ChangesBiasesToo) {
  const std::vector loras = {use({{"lora_unet_conv_in.diff_b", tensor({2}, {1, 2})}})};
  const NamedTensors base = {{"conv_in.weight", tensor({2, 2}, {0, 0, 0, 0})},
                             {"conv_in.bias", tensor({2}, {10, 10})}};
  const NamedTensors merged = *merge_loras(Part::unet, base, loras);
  EXPECT_EQ(*values_of(*tempera::find(merged, "conv_in.bias")), (std::vector<float>{11, 12}));
}

TEST(MergeLoras, RefusesAFileOfWhichNothingFits) {
  const NamedTensors base = {{"conv_in.weight", tensor({2, 2}, {0, 0, 0, 0})}};
  const std::vector loras = {use(lora_of("lora_unet_conv_out", 1, 1))};
  const Result<NamedTensors> merged = merge_loras(Part::unet, base, loras);
  ASSERT_FALSE(merged.ok());
  EXPECT_EQ(merged.error().message,
            "l.safetensors: none of its 1 modules of the unet, such as "
            "'lora_unet_conv_out.lora_up.weight', is in this model; was it made for another family "
            "of models?");
  const Result<Lora> unknown = read_lora({{"a.weight", tensor({1}, {0})}}, "l.safetensors");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::unsupported);
}

TEST(Lora, KnowsOpenClipsNamesOfTheTextEncoder) {
  const auto names =
      lora_module_names(Part::text_encoder, {"encoder.layers.3.mlp.fc1", "encoder.layers.3.mlp.fc2",
                                             "encoder.layers.3.self_attn.out_proj",
                                             "encoder.layers.3.self_attn.q_proj"});
  EXPECT_EQ(names.at("model_transformer_resblocks_3_mlp_c_fc"), "encoder.layers.3.mlp.fc1");
  EXPECT_EQ(names.at("transformer_resblocks_3_mlp_c_proj"), "encoder.layers.3.mlp.fc2");
  EXPECT_EQ(names.at("transformer_resblocks_3_attn_out_proj"),
            "encoder.layers.3.self_attn.out_proj");
  EXPECT_EQ(names.at("encoder_layers_3_self_attn_q_proj"), "encoder.layers.3.self_attn.q_proj");
  EXPECT_EQ(names.size(), 4u + 3 * 2);
}

TEST(Lora, RefusesOtherAdaptersByName) {
  for (const auto& [tensor, kind] : std::map<std::string, std::string>{
           {"lora_unet_mid_block_attentions_0_proj_in.oft_blocks", "OFT"},
           {"lora_unet_mid_block_attentions_0_proj_in.on_input", "(IA)^3"}}) {
    const auto read = read_lora({{tensor, stored(Tensor(DType::f32, {1}))}}, "a.safetensors");
    EXPECT_EQ(read.error().code, ErrorCode::unsupported);
    EXPECT_EQ(read.error().message, "a.safetensors: tensor '" + tensor +
                                        "' belongs to an adapter of the kind " + kind +
                                        ", which is not supported yet; LoRA, LoCon, LoHa, LoKr and "
                                        "DoRA are");
  }
}

}  // namespace
}  // namespace tempera::frontend
