# make compare: the main job on the sample that ships with mtlx. make test: all tests.
# Both set up what they need first: an environment in .venv with the pinned packages.

PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
PEER_PYTHON ?=
BENCH = $(if $(PEER_PYTHON),--peer-python $(PEER_PYTHON))
READY = $(VENV)/.ready
# The tables that two cores can do; the others need an accelerator or more data.
QUICK = famo/toy_clock hu2023/limits pareto_mtl/synthetic pcgrad/toy cagrad/toy nash_mtl/toy \
  caruana1997/f1 tfrs/movielens keras_rs/movielens gradnorm/toy gradnorm/toy10 \
  mmoe/label_correlation mmoe/synthetic mmoe/figure3 mmoe/census_group1 \
  mmoe/census_group2 ple/census ple/synthetic sener2018/multi_mnist kurin2022/multi_mnist \
  gama2025/multi_mnist_cl_rr gama2025/multi_mnist_cl_cr
# Columns are its tokens: at the width of the others it does 36 times their arithmetic.
SMALL_TOKENS = model=field_transformer model.token_dim=24 model.num_layers=2 \
  model.feedforward_width=48
REPRODUCE = $(RUN) -m experiments.reproduce output=docs/reproductions

.PHONY: help setup compare toy test lint bench full architectures kuairand ecommerce \
  everything pub pub-kuairand many-tasks reproduce reproduce-full clean

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

setup: $(READY)  ## the environment alone

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and \
	  f"mtlx needs Python 3.11 or newer, found {v[0]}.{v[1]}: make PYTHON=python3.12")'
	@echo "Setting up $(VENV) (a few minutes, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

compare: setup  ## 5 models x 4 balancers x 3 seeds on the Census-Income sample
	@$(RUN) -m experiments.train experiment=compare
	@$(RUN) -m experiments.report runs/compare

toy: setup  ## balancers on problems with a known answer: figures in runs/toy
	@$(RUN) -m experiments.toy

test: setup lint  ## all tests
	@$(RUN) -m pytest -q -n 2 --dist loadfile

lint: setup
	@$(RUN) -m ruff check --quiet mtlx experiments hydra_plugins tests benchmarks
	@$(RUN) -m ruff format --check --quiet mtlx experiments hydra_plugins tests benchmarks

bench: setup  ## speed against the PyTorch peers: PEER_PYTHON=peers/bin/python
	@for part in w1 w2 w3 w5; do $(RUN) -m benchmarks.$$part $(BENCH) || exit 1; done
	@$(RUN) -m benchmarks.page

full: setup  ## all models x all balancers on the full Census-Income data
	@$(RUN) -m experiments.train experiment=census_full model=single_task balancer=equal
	@$(RUN) -m experiments.train experiment=census_full
	@$(RUN) -m experiments.report runs/census_full

architectures: setup  ## all architectures on the full Census-Income data
	@$(RUN) -m experiments.train experiment=census_architectures
	@$(RUN) -m experiments.train -m experiment=census_architectures $(SMALL_TOKENS)
	@$(RUN) -m experiments.report runs/census_architectures
	@$(RUN) -m experiments.architectures runs/census_architectures \
	  docs/results/census_architectures.md

kuairand: setup  ## all architectures on KuaiRand-Pure
	@$(RUN) -m experiments.train experiment=kuairand
	@$(RUN) -m experiments.train -m experiment=kuairand \
	  model=esmm,escm2_ipw,escm2_dr,aitm '++model.chain=[click,long_view]'
	@$(RUN) -m experiments.train -m experiment=kuairand $(SMALL_TOKENS)
	@$(RUN) -m experiments.report runs/kuairand
	@$(RUN) -m experiments.architectures runs/kuairand docs/results/kuairand.md

ecommerce: setup  ## joint against each task alone: films, a shop, products, search
	@$(RUN) -m experiments.train experiment=ecommerce/movielens
	@$(RUN) -m experiments.train -m experiment=ecommerce/movielens balancer=equal \
	  'model.read=[next_item,interests],[rating,interests],[rating,next_item]'
	@$(RUN) -m experiments.train experiment=ecommerce/retailrocket
	@$(RUN) -m experiments.train -m experiment=ecommerce/retailrocket balancer=equal \
	  'model.read=[buy,next_item],[cart,next_item],[cart,buy]'
	@$(RUN) -m experiments.train experiment=ecommerce/products
	@$(RUN) -m experiments.train -m experiment=ecommerce/products balancer=equal \
	  'model.read=[product],[category]'
	@$(RUN) -m experiments.train experiment=ecommerce/search
	@$(RUN) -m experiments.train -m experiment=ecommerce/search model=single_task \
	  balancer=equal
	@$(RUN) -m experiments.report runs/ecommerce
	@$(RUN) -m experiments.ecommerce.joint runs/ecommerce docs/results/ecommerce.md

everything: setup  ## ten tasks of four data sets in one model, against one a data set
	@$(RUN) -m experiments.train experiment=ecommerce/everything
	@for part in films:432 shop:424 offers:152 queries:16; do \
	  $(RUN) -m experiments.train -m experiment=ecommerce/everything balancer=equal \
	    data.only=[$${part%:*}] trainer.batch_size=$${part#*:} || exit 1; done
	@$(RUN) -m experiments.report runs/everything
	@$(RUN) -m experiments.ecommerce.joint runs/everything docs/results/everything.md

pub: setup  ## fixed weights, tuned, against twenty balancers on two backbones: Census
pub-kuairand: setup  ## the same on KuaiRand-Pure
pub pub-kuairand:
	@$(RUN) -m experiments.train experiment=$(subst -,_,$@)
	@$(RUN) -m experiments.train -m experiment=$(subst -,_,$@) balancer=constant \
	  'balancer.weights=[.1,1.9],[.3,1.7],[.5,1.5],[.8,1.2],[1,1],[1.2,.8],[1.5,.5],[1.7,.3],[1.9,.1]'
	@$(RUN) -m experiments.scalarisation runs/$(subst -,_,$@) docs/results/$(subst -,_,$@).md

many-tasks: setup  ## balancers on 29 mine fields, 139 schools, 128 assays
	@for data in landmine school pcba; do \
	  $(RUN) -m experiments.train -m experiment=many_tasks/$$data model=single_task \
	    balancer=equal || exit 1; \
	  $(RUN) -m experiments.train experiment=many_tasks/$$data || exit 1; done
	@$(RUN) -m experiments.many_tasks runs/many_tasks docs/results/many_tasks.md

reproduce: setup  ## published tables and ours, with few seeds
	@for name in $(QUICK); do \
	  $(REPRODUCE) paper=$${name%/*} table=$${name#*/} seeds=reduced || exit 1; done
	@$(RUN) -m experiments.reproductions

reproduce-full: setup  ## the same with the published number of runs, and all tables
	@$(REPRODUCE) seeds=published
	@$(RUN) -m experiments.reproductions

clean:  ## remove the environment (results stay)
	rm -rf $(VENV)
